/** Holds the embedded engines to their promises: durable across SIGKILL, private, clean to end, and never left behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import {
  CLICKHOUSE_ANALYST_USER,
  CLICKHOUSE_SERVICE_USER,
  checkJava,
  checkMaven,
  checkPlatform,
  checkPortFree,
  checkWritable,
  type EmbeddedClickhouse,
  type EmbeddedKafka,
  type EngineStartError,
  findFreePorts,
  startEmbeddedClickhouse,
  startEmbeddedKafka,
} from '@tributary/engines';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const jarsDirectory = join(process.env['TRIBUTARY_HOME'] || join(REPOSITORY, '.tributary'), 'kafka/jars');
const password = 'a "service" <password>';
const analystPassword = "an analyst's password";
// Names that Kafka, ClickHouse, XML or a shell would take for more than a name.
const home = mkdtempSync(join(tmpdir(), "tributary engines, it's {a,b} <é> "));

let ports: { kafka: number; controller: number; http: number; tcp: number };
let kafka: EmbeddedKafka;
let clickhouse: EmbeddedClickhouse;

const startKafka = (onProgress?: (message: string) => void) =>
  startEmbeddedKafka({
    home,
    port: ports.kafka,
    controllerPort: ports.controller,
    jarsDirectory,
    ...(onProgress === undefined ? {} : { onProgress }),
  });

const startClickhouse = (onProgress?: (message: string) => void) =>
  startEmbeddedClickhouse({
    home,
    httpPort: ports.http,
    tcpPort: ports.tcp,
    password,
    analystPassword,
    ...(onProgress === undefined ? {} : { onProgress }),
  });

beforeAll(async () => {
  const [kafkaPort = 0, controller = 0, http = 0, tcp = 0] = await findFreePorts(4);
  ports = { kafka: kafkaPort, controller, http, tcp };
  [kafka, clickhouse] = await Promise.all([startKafka(), startClickhouse()]);
});

afterAll(async () => {
  await Promise.all([clickhouse?.stop(), kafka?.stop()]);
  rmSync(home, { recursive: true, force: true });
});

describe('embedded Kafka', () => {
  it('keeps an acknowledged record across SIGKILL', async () => {
    await withProducer(async (client, produce) => {
      await createTopic(client, 'kept');
      await produce('kept', 'before the crash');
    });

    kafka.kill();
    expect(await kafka.exited).toEqual({ code: null, signal: 'SIGKILL' });
    kafka = await startKafka();

    expect(await firstRecord('kept')).toBe('before the crash');
  });

  it('creates no topic by accident', async () => {
    await withProducer(async (_, produce) => {
      await expect(produce('mistyped', 'lost')).rejects.toThrow();
    });
  });

  it('keeps its data when the ports change', async () => {
    await kafka.stop();
    const [port = 0, controller = 0] = await findFreePorts(2);
    ports = { ...ports, kafka: port, controller };
    kafka = await startKafka();
    expect(kafka.brokers).toEqual([`127.0.0.1:${port}`]);
    expect(await firstRecord('kept')).toBe('before the crash');
  });
});

describe('embedded ClickHouse', () => {
  it('keeps an acknowledged row across SIGKILL', async () => {
    await asService(async (client) => {
      await client.command({ query: 'CREATE DATABASE kept ENGINE = Atomic' });
      await client.command({
        query:
          'CREATE TABLE kept.facts (id UInt32, version UInt32) ENGINE = ReplacingMergeTree(version) ORDER BY id',
      });
      await client.insert({ table: 'kept.facts', values: [{ id: 1, version: 1 }], format: 'JSONEachRow' });
    });

    clickhouse.kill();
    expect(await clickhouse.exited).toEqual({ code: null, signal: 'SIGKILL' });
    clickhouse = await startClickhouse();

    expect(await asService((client) => rows(client, 'SELECT id, version FROM kept.facts'))).toEqual([
      { id: 1, version: 1 },
    ]);
  });

  it('is closed to the user without a password, and to wrong passwords', async () => {
    for (const [user, wrong] of [
      ['default', ''],
      [CLICKHOUSE_SERVICE_USER, 'wrong'],
      [CLICKHOUSE_ANALYST_USER, ''],
    ] as const) {
      await withClient(user, wrong, (client) => expect(rows(client, 'SELECT 1')).rejects.toThrow());
    }
  });

  it('counts time in UTC', async () => {
    expect(await asService((client) => rows(client, 'SELECT timezone() AS zone'))).toEqual([{ zone: 'UTC' }]);
  });

  it('reads a topic by itself, also after a crash of its own', async () => {
    await withProducer(async (client, produce) => {
      await createTopic(client, 'facts');
      await asService(async (store) => {
        await store.command({ query: 'CREATE TABLE kept.read (id UInt32) ENGINE = MergeTree ORDER BY id' });
        await store.command({
          query: `CREATE TABLE kept.facts_topic (id UInt32) ENGINE = Kafka SETTINGS
            kafka_broker_list = '${kafka.brokers.join(',')}', kafka_topic_list = 'facts',
            kafka_group_name = 'clickhouse', kafka_format = 'JSONEachRow',
            kafka_flush_interval_ms = 200, kafka_poll_timeout_ms = 50`,
        });
        await store.command({
          query: 'CREATE MATERIALIZED VIEW kept.facts_view TO kept.read AS SELECT id FROM kept.facts_topic',
        });
      });
      await produce('facts', JSON.stringify({ id: 1 }));
      await waitUntil(async () => (await readIds()).includes(1), 20_000);

      clickhouse.kill();
      await clickhouse.exited;
      await produce('facts', JSON.stringify({ id: 2 }));
      clickhouse = await startClickhouse();
      // Six seconds of session timeout, then the new incarnation gets the partition.
      await waitUntil(async () => (await readIds()).includes(2), 20_000);
    });
  });
});

describe('the end of an engine', () => {
  it('is clean, and repeated stops do nothing', async () => {
    await clickhouse.stop();
    await clickhouse.stop();
    expect(await clickhouse.exited).toEqual({ code: 0, signal: null });
    expect(await checkPortFree(ports.http)).toBeUndefined();

    await kafka.stop();
    // 128 + SIGTERM: Java's code for a shutdown that ran through.
    expect(await kafka.exited).toEqual({ code: 143, signal: null });
    expect(await checkPortFree(ports.kafka)).toBeUndefined();
  });

  it('follows the death of the process that started it', async () => {
    const starter = await startInAnotherProcess();
    starter.process.kill('SIGKILL');
    await waitUntil(() => !starter.pids.some(exists), 20_000);
  });

  it('is brought about by the next start when the engine was left over', async () => {
    const starter = await startInAnotherProcess();
    // A halted process cannot follow its starter's death; so it is still there, as after a hang.
    for (const pid of starter.pids) process.kill(pid, 'SIGSTOP');
    starter.process.kill('SIGKILL');
    await once(starter.process, 'exit');

    const messages: string[] = [];
    const onProgress = (message: string) => {
      messages.push(message);
      const pid = /\(process (\d+)\), left over/.exec(message)?.[1];
      if (pid !== undefined) setTimeout(() => process.kill(Number(pid), 'SIGCONT'), 100);
    };
    [kafka, clickhouse] = await Promise.all([startKafka(onProgress), startClickhouse(onProgress)]);

    expect(messages).toContain(
      `Ending Kafka (process ${starter.pids[0]}), left over from a run that did not stop`,
    );
    expect(messages).toContain(
      `Ending ClickHouse (process ${starter.pids[1]}), left over from a run that did not stop`,
    );
    expect(starter.pids.some(exists)).toBe(false);
    expect(await firstRecord('kept')).toBe('before the crash');
  });

  it('is not brought about while the starter lives', async () => {
    await Promise.all([clickhouse.stop(), kafka.stop()]);
    const starter = await startInAnotherProcess();
    await expect(startClickhouse()).rejects.toMatchObject({
      name: 'EngineStartError',
      failure: 'home_in_use',
    } satisfies Partial<EngineStartError>);
    expect(starter.pids.every(exists)).toBe(true);
    starter.process.kill('SIGKILL');
    await waitUntil(() => !starter.pids.some(exists), 20_000);
  });
});

describe('an engine that cannot start', () => {
  it('says which port is taken and what to do', async () => {
    const server = spawn(process.execPath, [
      '-e',
      `require('node:net').createServer().listen(${ports.http}, '127.0.0.1', () => console.log('up'))`,
    ]);
    try {
      await once(server.stdout, 'data');
      await expect(startClickhouse()).rejects.toMatchObject({
        failure: 'port_taken',
        message: expect.stringMatching(new RegExp(`^Port ${ports.http} on 127.0.0.1 .*CLICKHOUSE_URL`)),
      });
    } finally {
      server.kill();
      await once(server, 'exit');
    }
  });
});

describe('preflight on a machine that has everything', () => {
  it('finds no problem', async () => {
    expect(await checkJava()).toBeUndefined();
    expect(await checkMaven()).toBeUndefined();
    expect(checkPlatform()).toBeUndefined();
    expect(await checkPortFree(ports.http)).toBeUndefined();
    expect(checkWritable(join(home, 'not', 'there', 'yet'))).toBeUndefined();
  });
});

function kafkaClient(): Kafka {
  return new Kafka({
    brokers: [...kafka.brokers],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, retries: 4 },
  });
}

async function withProducer(
  work: (client: Kafka, produce: (topic: string, value: string) => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const client = kafkaClient();
  const producer = client.producer({ allowAutoTopicCreation: true });
  await producer.connect();
  try {
    await work(client, (topic, value) => producer.send({ topic, acks: -1, messages: [{ value }] }));
  } finally {
    await producer.disconnect();
  }
}

async function createTopic(client: Kafka, topic: string): Promise<void> {
  const admin = client.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
  await admin.disconnect();
}

async function firstRecord(topic: string): Promise<string | undefined> {
  const consumer = kafkaClient().consumer({ groupId: `reader-${performance.now()}`, sessionTimeout: 6_000 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    return await new Promise((resolveRecord, reject) => {
      consumer
        .run({ eachMessage: async ({ message }) => resolveRecord(message.value?.toString()) })
        .catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
}

async function withClient<T>(
  username: string,
  secret: string,
  work: (client: ClickHouseClient) => Promise<T>,
): Promise<T> {
  const client = createClient({
    url: clickhouse.url,
    username,
    password: secret,
    log: { level: ClickHouseLogLevel.OFF },
  });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

function asService<T>(work: (client: ClickHouseClient) => Promise<T>): Promise<T> {
  return withClient(CLICKHOUSE_SERVICE_USER, password, work);
}

async function rows(client: ClickHouseClient, query: string): Promise<unknown[]> {
  const answer = await client.query({ query, format: 'JSONEachRow' });
  return answer.json();
}

async function readIds(): Promise<number[]> {
  const found = await asService((client) => rows(client, 'SELECT DISTINCT id FROM kept.read'));
  return (found as { id: number }[]).map(({ id }) => id);
}

/** Kafka and ClickHouse of this home, started by a process that may be killed; pids in that order. */
async function startInAnotherProcess(): Promise<{ process: ChildProcess; pids: readonly number[] }> {
  const shared = { home, jarsDirectory, password, analystPassword };
  const script = `
    import { startEmbeddedClickhouse, startEmbeddedKafka } from '@tributary/engines';
    const shared = ${JSON.stringify(shared)};
    const [kafka, clickhouse] = await Promise.all([
      startEmbeddedKafka({ ...shared, port: ${ports.kafka}, controllerPort: ${ports.controller} }),
      startEmbeddedClickhouse({ ...shared, httpPort: ${ports.http}, tcpPort: ${ports.tcp} }),
    ]);
    console.log(kafka.pid + ' ' + clickhouse.pid);`;
  const args = ['--conditions=source', '--input-type=module', '--eval', script];
  const child = spawn(process.execPath, args, { cwd: REPOSITORY, stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { process: child, pids: line.split(' ').map(Number) };
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function waitUntil(condition: () => boolean | Promise<boolean>, boundMs: number): Promise<void> {
  const deadline = performance.now() + boundMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not true within ${boundMs} ms: ${condition}`);
    await delay(50);
  }
}
