/** The producer of the edge with Kafka's twin and a spool on disk: what is acknowledged is in the log in the end, whatever happened. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type EventProducer,
  InMemoryBroker,
  type OutgoingRecord,
  outgoing,
  UnsentFailure,
} from '@tributary/bus';
import { createLogger, DependencyFailure, processMetrics } from '@tributary/runtime';
import { aRefusal, eventually } from '@tributary/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Spool } from './spool.ts';
import { SpoolingProducer } from './spooling-producer.ts';

const TOPIC = 'postback.refused.v1';
const LIMITS = { patienceMs: 100, spoolMs: 1_000, pauseMs: 10, drainDeadlineMs: 500 };
const logger = createLogger('spool-test', 'silent');

let folder: string;
let broker: InMemoryBroker;
let kafka: EventProducer;
let spool: Spool;
let producer: SpoolingProducer;
let pings: number;
let calls: { keys: string[]; deadlineMs: number | undefined; silenceMs: number | undefined }[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-spooling-'));
  broker = new InMemoryBroker();
  calls = [];
  pings = 0;
  kafka = {
    produce: (records, deadlineMs, silenceMs) => {
      calls.push({ keys: records.map(({ key }) => key), deadlineMs, silenceMs });
      return broker.produce(records);
    },
  };
  begin();
});

afterEach(async () => {
  await end();
  rmSync(folder, { recursive: true, force: true });
});

function begin(maxBytes = 64 * 1024 * 1024): void {
  spool = Spool.open({ folder, maxBytes, minFreeBytes: 0 });
  producer = new SpoolingProducer({
    kafka: { produce: (...call) => kafka.produce(...call) },
    spool,
    ping: async () => {
      pings += 1;
      broker.assertPresent();
    },
    logger,
    limits: LIMITS,
  });
  producer.start();
}

async function end(): Promise<void> {
  broker.isAway = true;
  await producer.close(async () => undefined);
}

function recordOf(n: number): OutgoingRecord {
  return outgoing(TOPIC, `key-${n}`, aRefusal({ rawCall: String(n).padEnd(400) }));
}

function keysInLog(): string[] {
  return broker.recordsOf(TOPIC).map(({ key }) => String(key));
}

async function drained(): Promise<void> {
  await eventually(
    () => spool.isEmpty && !producer.isAway,
    (isEmpty) => isEmpty,
    10_000,
  );
}

async function counted(name: string): Promise<number> {
  const metric = (await processMetrics.getMetricsAsJSON()).find((each) => each.name === name);
  return metric?.values.reduce((sum, { value }) => sum + value, 0) ?? 0;
}

describe('while Kafka answers', () => {
  it('records go straight to it and have their place in the log', async () => {
    const [position] = await producer.produce([recordOf(1)], 5_000);
    expect(position).toMatchObject({ topic: TOPIC, offset: 0 });
    expect(calls).toEqual([{ keys: ['key-1'], deadlineMs: 4_000, silenceMs: LIMITS.patienceMs }]);
    expect(spool.isEmpty).toBe(true);
    expect(pings).toBe(0);
  });

  it('a defect of the caller is told and spools nothing', async () => {
    kafka = { produce: () => Promise.reject(new RangeError('too large')) };
    await expect(producer.produce([recordOf(1)])).rejects.toThrow(RangeError);
    expect(spool.isEmpty).toBe(true);
  });
});

describe('while Kafka is away', () => {
  it('records are acknowledged by the spool, and only the first call waits for Kafka', async () => {
    broker.isAway = true;
    expect(await producer.produce([recordOf(1), recordOf(2)])).toEqual([null, null]);
    expect(producer.isAway).toBe(true);
    const asked = calls.length;
    expect(await producer.produce([recordOf(3)])).toEqual([null]);
    expect(calls).toHaveLength(asked);
    expect(spool.status().records).toBe(3);
  });

  it('its return is found out, the spool is drained oldest first, equal in content, and calls go straight again', async () => {
    broker.isAway = true;
    const records = Array.from({ length: 1_300 }, (_, n) => recordOf(n));
    for (let n = 0; n < records.length; n += 100) await producer.produce(records.slice(n, n + 100));
    broker.isAway = false;
    await drained();
    const stored = broker.recordsOf(TOPIC);
    expect(new Map(stored.map(({ key, value }) => [String(key), value]))).toEqual(
      new Map(records.map(({ key, value }) => [key, value])),
    );
    expect(stored).toHaveLength(1_300);
    expect(calls.filter(({ keys }) => keys.length > 100).map(({ keys }) => keys[0])).toEqual([
      'key-0',
      'key-500',
      'key-1000',
    ]);
    expect(await producer.produce([recordOf(2_000)])).toMatchObject([{ topic: TOPIC }]);
  });

  it('an answer that came too late is a repeat at most, and counted as ambiguous; what was not sent is not', async () => {
    const before = await counted('tributary_spool_ambiguous_records_total');
    kafka = {
      produce: (records) => {
        kafka = broker;
        broker.produceFault = 'answer_lost';
        return broker.produce(records).finally(() => {
          broker.produceFault = 'none';
        });
      },
    };
    const [position] = await producer.produce([recordOf(1)]);
    expect(position).toBeNull();
    await drained();
    expect(await counted('tributary_spool_ambiguous_records_total')).toBe(before + 1);
    expect(keysInLog()).toEqual(['key-1', 'key-1']);

    kafka = { produce: () => Promise.reject(new UnsentFailure('kafka_deadline', 'never sent')) };
    expect(await producer.produce([recordOf(2)])).toEqual([null]);
    expect(await counted('tributary_spool_ambiguous_records_total')).toBe(before + 1);
  });

  it('live calls stay in the spool until something that waited got through', async () => {
    broker.isAway = true;
    await producer.produce([recordOf(1)]);
    kafka = { produce: () => Promise.reject(new UnsentFailure('kafka_deadline', 'metadata, but no leader')) };
    broker.isAway = false;
    await eventually(
      () => pings,
      (count) => count > 3,
      5_000,
    );
    expect(producer.isAway).toBe(true);
    expect(await producer.produce([recordOf(2)])).toEqual([null]);
    kafka = broker;
    await drained();
    expect(keysInLog().toSorted()).toEqual(['key-1', 'key-2']);
  });

  it('a record that Kafka would never take is refused, and not spooled', async () => {
    broker.isAway = true;
    await producer.produce([recordOf(1)]);
    const large = { ...recordOf(2), value: Buffer.alloc(1_100_000) };
    await expect(producer.produce([large])).rejects.toThrow(RangeError);
    expect(spool.status().records).toBe(1);
  });
});

describe('another life of the process', () => {
  it('drains what the one before has left', async () => {
    broker.isAway = true;
    await producer.produce([recordOf(1), recordOf(2)]);
    await end();
    broker.isAway = false;
    begin();
    await drained();
    expect(keysInLog().toSorted()).toEqual(['key-1', 'key-2']);
  });

  it('closing loses nothing that is still on its way to Kafka', async () => {
    let fail: (error: Error) => void = () => undefined;
    kafka = {
      produce: () =>
        new Promise((_resolve, reject) => {
          fail = reject;
        }),
    };
    const answered = producer.produce([recordOf(1)]);
    await producer.close(async () => {
      fail(new UnsentFailure('kafka_unavailable', 'closed'));
      expect(await answered).toEqual([null]);
    });
    broker.isAway = false;
    kafka = broker;
    begin();
    await drained();
    expect(keysInLog()).toEqual(['key-1']);
  });
});

describe('a spool that is full', () => {
  it('refuses what comes while Kafka is away, and takes again when it was drained', async () => {
    await end();
    begin(1024 * 1024);
    broker.isAway = true;
    const answers = await Promise.allSettled(
      Array.from({ length: 4_000 }, (_, n) => producer.produce([recordOf(n)], 5_000)),
    );
    const taken = answers.filter(({ status }) => status === 'fulfilled').length;
    const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
    expect(taken).toBeGreaterThan(500);
    expect(refused.length).toBeGreaterThan(500);
    for (const reason of refused) expect(reason).toMatchObject({ code: 'spool_full' });
    broker.isAway = false;
    await drained();
    expect(new Set(keysInLog()).size).toBe(taken);
    expect(await producer.produce([recordOf(5_000)])).toMatchObject([{ topic: TOPIC }]);
  });

  it('leaves Kafka all the time of a call that could go nowhere else', async () => {
    await end();
    begin(1);
    broker.isAway = false;
    await producer.produce([recordOf(1)], 4_321);
    expect(calls.at(-1)?.silenceMs).toBe(LIMITS.patienceMs);
    broker.isAway = true;
    await expect(producer.produce([recordOf(2)], 4_321)).rejects.toBeInstanceOf(DependencyFailure);
  });
});

describe('a record that the bus refuses as it is', () => {
  it('is set aside out of the spool, and those behind it go on', async () => {
    broker.isAway = true;
    await producer.produce([recordOf(1), recordOf(2), recordOf(3)]);
    kafka = {
      produce: async (records) => {
        if (records.some(({ key }) => key === 'key-2')) throw new RangeError('too large');
        return broker.produce(records);
      },
    };
    broker.isAway = false;
    await drained();
    expect(keysInLog().toSorted()).toEqual(['key-1', 'key-3']);
    expect(spool.status()).toMatchObject({ records: 0, damaged: 1 });
  });
});
