/** The example consumers of the documentation, as their readers would run them: against real Kafka and the registry, from the start and from a time. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { encodeEvent } from '@tributary/contracts';
import { aDecision, eventually } from '@tributary/testing';
import { type Admin, Kafka, logLevel, type Producer } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { PYTHON } from './python.ts';

const REPOSITORY = join(import.meta.dirname, '../..');
const PAGE = readFileSync(join(REPOSITORY, 'docs/consumers.md'), 'utf8');
const HOUR_MS = 3_600_000;
const OLD = Date.now() - 2 * HOUR_MS;
const YOUNG = Date.now();
const BETWEEN = new Date(Date.now() - HOUR_MS).toISOString();
const BOUND_MS = 50_000;

let admin: Admin;
let producer: Producer;

beforeAll(async () => {
  const retry = { initialRetryTime: 100, retries: 20, maxRetryTime: 1_000 };
  const kafka = new Kafka({ brokers: inject('brokers').split(','), logLevel: logLevel.NOTHING, retry });
  admin = kafka.admin();
  producer = kafka.producer({ allowAutoTopicCreation: false });
  await Promise.all([admin.connect(), producer.connect()]);
});

afterAll(async () => {
  await Promise.all([admin?.disconnect(), producer?.disconnect()]);
});

interface Example {
  readonly program: string;
  readonly file: string;
}

const EXAMPLES: readonly (readonly [string, Example])[] = [
  ['Node', { program: process.execPath, file: 'examples/consumers/node/consume.mjs' }],
  ...(PYTHON === null
    ? []
    : [['Python', { program: PYTHON, file: 'examples/consumers/python/consume.py' }] as const]),
];

/** A running example and the lines it has printed. */
class Running {
  readonly lines: Record<string, unknown>[] = [];
  readonly #process: ChildProcess;
  readonly #errors: string[] = [];

  constructor({ program, file }: Example, topic: string) {
    this.#process = spawn(program, [join(REPOSITORY, file)], { env: environmentOf(topic) });
    const { stdout, stderr } = this.#process;
    if (stdout === null || stderr === null) throw new Error('the example has no output');
    createInterface({ input: stdout }).on('line', (line) => this.lines.push(JSON.parse(line)));
    stderr.on('data', (chunk) => this.#errors.push(String(chunk)));
  }

  async printed(count: number): Promise<readonly Record<string, unknown>[]> {
    await eventually(
      () => ({ lines: this.lines.length, errors: this.#errors.join('') }),
      ({ lines }) => lines >= count,
      BOUND_MS,
    );
    return this.lines;
  }

  /** @returns the exit code after SIGTERM. */
  async stop(): Promise<number | null> {
    if (this.#process.exitCode !== null) return this.#process.exitCode;
    this.#process.kill('SIGTERM');
    const [code] = (await once(this.#process, 'exit')) as [number | null];
    return code;
  }
}

function environmentOf(topic: string) {
  return {
    ...process.env,
    TOPIC: topic,
    GROUP_ID: topic,
    KAFKA_BROKERS: inject('brokers'),
    SCHEMA_REGISTRY_URL: inject('schemaRegistryUrl'),
  };
}

/** A topic of its own: the one of the pipeline also holds what other tests wrote. */
async function aTopic(): Promise<string> {
  const topic = `example-${randomUUID()}`;
  await admin.createTopics({ topics: [{ topic, numPartitions: 3 }], waitForLeaders: true });
  return topic;
}

type Decision = Parameters<typeof aDecision>[0] & { conversionId: string };

async function write(topic: string, decision: Decision, writtenAt: number): Promise<void> {
  const value = encodeEvent('conversion.decided.v1', aDecision(decision));
  await producer.send({
    topic,
    messages: [{ key: decision.conversionId, value, timestamp: String(writtenAt) }],
  });
}

async function forget(topic: string, conversionId: string): Promise<void> {
  await producer.send({ topic, messages: [{ key: conversionId, value: null, timestamp: String(OLD) }] });
}

describe.each(EXAMPLES)('the %s example', (_name, example) => {
  it(
    'prints each revision once and exact, goes on where it stood, and rewinds to a time',
    async () => {
      const topic = await aTopic();
      const [first = '', second = '', third = '', fourth = ''] = Array.from({ length: 4 }, () =>
        randomUUID(),
      );
      const exact = { revenueMicros: 9_007_199_254_740_993n, currency: 'IDR', customerId: 'Zoë "日本"' };
      await write(topic, { conversionId: first, ...exact }, OLD);
      await write(topic, { conversionId: first, ...exact }, OLD);
      await write(topic, { conversionId: first, revision: 2, revenueMicros: -1n, state: 'reversed' }, OLD);
      await write(topic, { conversionId: second, isTest: true }, OLD);
      await forget(topic, second);
      await write(topic, { conversionId: third, revenueMicros: null, currency: null }, YOUNG);

      const running = new Running(example, topic);
      const lines = await running.printed(3);
      const of = (id: string) => lines.filter(({ conversionId }) => conversionId === id);
      expect(of(first)).toEqual([
        expect.objectContaining({ revision: 1, currency: 'IDR', customerId: exact.customerId }),
        expect.objectContaining({ revision: 2, state: 'reversed' }),
      ]);
      expect(of(first).map(({ revenueMicros }) => revenueMicros)).toEqual(['9007199254740993', '-1']);
      expect(of(third)).toEqual([expect.objectContaining({ revenueMicros: null, currency: null })]);
      expect(Date.parse(String(lines[0]?.['occurredAt']))).toBe(aDecision().occurredAt);
      await committedAll(topic);
      expect(await running.stop()).toBe(0);
      expect(running.lines).toHaveLength(3);

      const rewound = spawnSync(example.program, [join(REPOSITORY, example.file), '--rewind', BETWEEN], {
        env: environmentOf(topic),
        encoding: 'utf8',
        timeout: BOUND_MS,
      });
      expect(rewound).toMatchObject({ status: 0 });

      await write(topic, { conversionId: fourth }, YOUNG);
      const again = new Running(example, topic);
      const seen = await again.printed(2);
      await committedAll(topic);
      await again.stop();
      expect(seen.map(({ conversionId }) => conversionId).sort()).toEqual([third, fourth].sort());
    },
    3 * BOUND_MS,
  );

  it('stands on the page as it is', () => {
    expect(PAGE).toContain(readFileSync(join(REPOSITORY, example.file), 'utf8'));
  });
});

/** The group stands at the end of every partition: what was to be read has been read. */
async function committedAll(topic: string): Promise<void> {
  await eventually(
    async () => {
      const ends = await admin.fetchTopicOffsets(topic);
      const [group] = await admin.fetchOffsets({ groupId: topic, topics: [topic] });
      const committed = new Map(group?.partitions.map(({ partition, offset }) => [partition, offset]));
      return ends.filter(({ partition, high }) => high !== '0' && committed.get(partition) !== high).length;
    },
    (behind) => behind === 0,
    BOUND_MS,
  );
}

const HAS_KCAT = spawnSync('kcat', ['-V']).status === 0;
if (!HAS_KCAT) console.warn('The kcat commands are not run: no kcat here; on Debian: apt-get install kcat');

describe.skipIf(!HAS_KCAT)('the kcat commands', () => {
  const commands = [...PAGE.matchAll(/^kcat .*$/gm)].map(([command]) => command);

  it('print keys, offsets and times from a time on', async () => {
    expect(commands.length).toBeGreaterThan(0);
    const topic = await aTopic();
    const [old, young] = [randomUUID(), randomUUID()];
    await write(topic, { conversionId: old }, OLD);
    await write(topic, { conversionId: young }, YOUNG);
    const run = (command: string) => {
      const filled = command
        .replaceAll('127.0.0.1:9092', inject('brokers'))
        .replaceAll('conversion.decided.v1', topic)
        .replace('1767323045000', String(OLD + HOUR_MS));
      const { status, stdout, stderr } = spawnSync('bash', ['-c', filled], {
        encoding: 'utf8',
        timeout: BOUND_MS,
      });
      expect({ status, stderr }).toMatchObject({ status: 0 });
      return stdout;
    };
    const outputs = commands.map(run);
    for (const output of outputs) expect(output).toContain(young);
    expect(outputs.filter((output) => output.includes(old)).length).toBe(commands.length - 1);
  });
});
