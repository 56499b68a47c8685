/** From the spool to a real Kafka: what was spooled while no broker answered is in the topic afterwards, byte for byte. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import {
  ensureTopics,
  KafkaConnection,
  KafkaEventProducer,
  type OutgoingRecord,
  outgoing,
} from '@tributary/bus';
import { findFreePorts } from '@tributary/engines';
import { createLogger } from '@tributary/runtime';
import { aClick, aRefusal, eventually } from '@tributary/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import { SPOOL_FOLDER, Spool } from '../../apps/ingestion/src/spool/spool.ts';
import { spoolMetrics } from '../../apps/ingestion/src/spool/spool-metrics.ts';
import { SpoolingProducer } from '../../apps/ingestion/src/spool/spooling-producer.ts';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const brokers = inject('brokers').split(',');
const logger = createLogger('spool-test', 'silent');
const connection = new KafkaConnection({ brokers, clientId: 'spool-test', logger });

let folder: string;
let endings: (() => Promise<void>)[];

beforeAll(async () => {
  await ensureTopics(connection, 1);
});

afterAll(async () => {
  await connection.close();
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-spool-'));
  endings = [];
});

afterEach(async () => {
  for (const end of endings.splice(0)) await end();
  rmSync(folder, { recursive: true, force: true });
});

/** One life of ingestion's producer on the folder. */
function lifeWith(addresses: readonly string[]): { producer: SpoolingProducer; spool: Spool } {
  const own = new KafkaConnection({ brokers: addresses, clientId: 'spool-test', logger });
  const kafka = new KafkaEventProducer({ connection: own });
  const spool = Spool.open({ folder: join(folder, SPOOL_FOLDER), maxBytes: 1 << 28 });
  const producer = new SpoolingProducer({ kafka, spool, ping: () => own.ping(), logger });
  producer.start();
  endings.push(async () => {
    await producer.close(() => kafka.close());
    await own.close();
  });
  return { producer, spool };
}

async function end(): Promise<void> {
  for (const each of endings.splice(0)) await each();
}

/** Where no broker is. */
async function nowhere(): Promise<string[]> {
  const [port = 0] = await findFreePorts(1);
  return [`127.0.0.1:${port}`];
}

function someRecords(count: number): OutgoingRecord[] {
  return Array.from({ length: count }, (_, n) =>
    n % 2 === 0
      ? outgoing('click.recorded.v1', randomUUID(), aClick())
      : outgoing('postback.refused.v1', `${randomUUID()}-${n}`, aRefusal({ rawCall: `call ${n}` })),
  );
}

/** The records of our keys in the topics, from the beginning; by key, the values found. */
async function found(records: readonly OutgoingRecord[]): Promise<Map<string, Buffer[]>> {
  const values = new Map<string, Buffer[]>(records.map(({ key }) => [key, []]));
  const consumer = connection.kafka.consumer({ groupId: `spool-${randomUUID()}`, retry: { retries: 20 } });
  await consumer.connect();
  await consumer.subscribe({ topics: [...new Set(records.map(({ topic }) => topic))], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message: { key, value } }) => {
      if (value !== null) values.get(String(key))?.push(value);
    },
  });
  try {
    await eventually(
      () => [...values.values()].filter((each) => each.length > 0).length,
      (count) => count === records.length,
      60_000,
    );
    return values;
  } finally {
    await consumer.disconnect();
  }
}

/** Every record is there and equal, and repeated at most as often as a send was given up while Kafka may have stored it. */
async function expectAll(records: readonly OutgoingRecord[], ambiguous: number): Promise<void> {
  const values = await found(records);
  const unlike = records.filter(({ key, value }) => !values.get(key)?.every((each) => each.equals(value)));
  expect(unlike.map(({ key }) => key)).toEqual([]);
  const repeats = [...values.values()].reduce((sum, each) => sum + each.length - 1, 0);
  expect(repeats).toBeLessThanOrEqual(ambiguous);
}

async function ambiguousRecords(): Promise<number> {
  return (await spoolMetrics.ambiguous.get()).values[0]?.value ?? 0;
}

it('what was spooled without a broker is drained by the next life, equal in content', async () => {
  const before = await ambiguousRecords();
  const records = someRecords(2_000);
  const { producer } = lifeWith(await nowhere());
  for (let n = 0; n < records.length; n += 50) {
    const positions = await producer.produce(records.slice(n, n + 50), 5_000);
    expect(positions).toEqual(new Array(50).fill(null));
  }
  await end();
  const { producer: next, spool } = lifeWith(brokers);
  const live = someRecords(2);
  expect(await next.produce(live, 20_000)).toHaveLength(2);
  await eventually(
    () => spool.isEmpty,
    (isEmpty) => isEmpty,
    30_000,
  );
  await expectAll([...records, ...live], (await ambiguousRecords()) - before);
});

it('adopt-spool writes the spool of an instance that never came back, and refuses one that is alive', async () => {
  const records = someRecords(1_201);
  const { producer } = lifeWith(await nowhere());
  await producer.produce(records, 5_000);
  const refused = await adopt(folder);
  expect(refused.exitCode).toBe(1);
  expect(refused.output).toContain(`is in use by process ${process.pid}`);
  await end();
  const adopted = await adopt(folder);
  expect(adopted.output.trim().split('\n')).toEqual([
    'records in the spool: 1201',
    'click.recorded.v1: 601',
    'postback.refused.v1: 600',
    'records left: 0',
  ]);
  expect(adopted.exitCode).toBe(0);
  await expectAll(records, 0);
  expect((await adopt(join(folder, 'elsewhere'))).exitCode).toBe(2);
  expect(await adopt('--help')).toMatchObject({ exitCode: 0 });
});

async function adopt(argument: string): Promise<{ exitCode: number | null; output: string }> {
  const program = join(REPOSITORY, 'apps/ingestion/dist/adopt-spool.js');
  const child = spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', program, argument], {
    env: { ...process.env, KAFKA_BROKERS: brokers.join(','), LOG_LEVEL: 'silent' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const exitCode = await new Promise<number | null>((done) => child.once('close', done));
  return { exitCode, output };
}
