/** Traps of kafkajs that a real broker springs too rarely, sprung by a stub cluster: first what kafkajs alone does, then what ours does. */
import { createLogger, processMetrics } from '@tributary/runtime';
import { aRefusal, eventually } from '@tributary/testing';
import { type Kafka, logLevel, Kafka as PlainKafka, type Producer } from 'kafkajs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OutgoingRecord, outgoing } from '../records.ts';
import { KafkaConnection } from './connection.ts';
import { KafkaConsumerGroup } from './consumer-group.ts';
import { KafkaEventProducer } from './kafka-producer.ts';
import { partitionOf } from './partitioner.ts';
import {
  INVALID_PRODUCER_EPOCH,
  NOT_LEADER,
  OUT_OF_ORDER_SEQUENCE,
  StubCluster,
  UNKNOWN_PRODUCER_ID,
} from './stub-broker.fixture.ts';

const TOPIC = 'postback.refused.v1';
const KEYS = keysByPartition();

let cluster: StubCluster;
let connection: KafkaConnection;
let producer: KafkaEventProducer;
let plain: Producer;

beforeEach(async () => {
  cluster = new StubCluster();
  await cluster.start(2);
  connection = new KafkaConnection({
    brokers: cluster.brokers,
    clientId: 'traps',
    logger: createLogger('traps', 'silent'),
  });
  producer = new KafkaEventProducer({ connection });
  const kafka: Kafka = new PlainKafka({
    brokers: cluster.brokers,
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, retries: 3 },
  });
  plain = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
});

afterEach(async () => {
  await plain.disconnect();
  await producer.close();
  await connection.close();
  await cluster.stop();
});

/** A key of each partition. */
function keysByPartition(): string[] {
  const keys: string[] = [];
  for (let n = 0; keys.filter(Boolean).length < 12; n++) keys[partitionOf(TOPIC, `key-${n}`)] ??= `key-${n}`;
  return keys;
}

function recordOf(partition: number): OutgoingRecord {
  return outgoing(TOPIC, KEYS[partition] ?? '', aRefusal());
}

async function sendPlain(partitions: readonly number[]) {
  await plain.connect();
  return plain.send({
    topic: TOPIC,
    messages: partitions.map((partition) => ({ key: KEYS[partition] ?? '', value: 'x', partition })),
  });
}

async function counted(name: string): Promise<number> {
  const metric = await processMetrics.getSingleMetric(name)?.get();
  return metric?.values.reduce((sum, { value }) => sum + value, 0) ?? 0;
}

describe('finding 0.1: the leader moves, in mid-send, to a broker that has already answered', () => {
  /** Partition 0 moves from broker 0 to broker 1 while broker 1 has acknowledged partition 1 of the same send. */
  function moveLeaderOnce(): void {
    let hasMoved = false;
    cluster.onProduce = async ({ partition }) => {
      if (partition !== 0 || hasMoved) return 0;
      hasMoved = true;
      while (cluster.keysOf(1).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      cluster.lead(0, 1);
      return NOT_LEADER;
    };
  }

  it('kafkajs alone resolves, and has lost the record', async () => {
    moveLeaderOnce();
    const acknowledged = await sendPlain([0, 1]);
    expect(acknowledged.map(({ partition }) => partition)).toEqual([1]);
    expect([cluster.keysOf(0), cluster.keysOf(1)]).toEqual([[], [KEYS[1]]]);
  });

  it('our producer misses the partition in the answer and sends it again: every record arrives, once', async () => {
    moveLeaderOnce();
    const resends = await counted('tributary_bus_resends_total');
    const positions = await producer.produce([recordOf(0), recordOf(1), recordOf(0)]);
    expect([cluster.keysOf(0), cluster.keysOf(1)]).toEqual([[KEYS[0], KEYS[0]], [KEYS[1]]]);
    expect(positions.map(({ partition, offset }) => [partition, offset])).toEqual([
      [0, 0],
      [1, 0],
      [0, 1],
    ]);
    expect(await counted('tributary_bus_resends_total')).toBe(resends + 1);
  });

  it('with many partitions on both brokers too', async () => {
    moveLeaderOnce();
    await producer.produce(Array.from({ length: 120 }, (_, n) => recordOf(n % 12)));
    for (let partition = 0; partition < 12; partition++)
      expect(cluster.keysOf(partition), `partition ${partition}`).toHaveLength(10);
  });
});

describe.each([
  ['OUT_OF_ORDER_SEQUENCE', OUT_OF_ORDER_SEQUENCE],
  ['INVALID_PRODUCER_EPOCH (fenced)', INVALID_PRODUCER_EPOCH],
  ['UNKNOWN_PRODUCER_ID', UNKNOWN_PRODUCER_ID],
])('a producer that the broker answers %s', (_name, code) => {
  beforeEach(() => {
    cluster.onProduce = ({ producerId }) => (producerId === 1 ? code : 0);
  });

  it('never recovers in kafkajs alone', async () => {
    await expect(sendPlain([0])).rejects.toThrow();
    await expect(sendPlain([0])).rejects.toThrow();
    expect(cluster.stored).toEqual([]);
  });

  it('is thrown away by ours: the failure is told, and the next send has a new one', async () => {
    const discarded = await counted('tributary_bus_producers_discarded_total');
    await expect(producer.produce([recordOf(0)])).rejects.toMatchObject({ code: 'kafka_unavailable' });
    await producer.produce([recordOf(0)]);
    expect(cluster.stored.map(({ producerId, keys }) => [producerId, keys])).toEqual([[2, [KEYS[0]]]]);
    expect(await counted('tributary_bus_producers_discarded_total')).toBe(discarded + 1);
  });
});

it('keyless records, which kafkajs deals to another partition at each retry, cannot be written', async () => {
  // @ts-expect-error a record has a key
  const keyless: OutgoingRecord = { topic: TOPIC, value: Buffer.alloc(0) };
  expect(keyless.key).toBeUndefined();
  let failures = 2;
  cluster.onProduce = () => (failures-- > 0 ? NOT_LEADER : 0);
  await producer.produce([outgoing(TOPIC, '', aRefusal()), recordOf(3)]);
  expect(
    cluster.stored.flatMap(({ partition, keys }) => keys.map((key) => [key, partition])).toSorted(),
  ).toEqual(
    [
      ['', partitionOf(TOPIC, '')],
      [KEYS[3], 3],
    ].toSorted(),
  );
});

describe('a broker that takes connections and never answers', () => {
  it('is waited for until the deadline, at the start and in mid-run; closing ends in bounded time', async () => {
    cluster.isMute = true;
    const startedAt = performance.now();
    await expect(producer.produce([recordOf(0)], 300)).rejects.toMatchObject({ code: 'kafka_deadline' });
    expect(performance.now() - startedAt).toBeLessThan(1_500);
    await producer.close();
    await connection.close();
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });

  it('after it had answered before', async () => {
    await producer.produce([recordOf(0)]);
    cluster.isMute = true;
    const startedAt = performance.now();
    const late = await Promise.allSettled([
      producer.produce([recordOf(0)], 200),
      producer.produce([recordOf(1)], 300),
    ]);
    expect(late.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(performance.now() - startedAt).toBeLessThan(1_500);
    await producer.close();
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });
});

it('an idle connection asks for no timer of negative length, and does not spin', async () => {
  await producer.produce([recordOf(0)]);
  const { setTimeout: original } = globalThis;
  const negative: unknown[] = [];
  globalThis.setTimeout = Object.assign((work: () => void, ms?: number) => {
    if ((ms ?? 0) < 0) negative.push(ms);
    return original(work, ms);
  }, original) as typeof setTimeout;
  try {
    await producer.produce([recordOf(0)]);
    await new Promise((resolve) => original(resolve, 200));
  } finally {
    globalThis.setTimeout = original;
  }
  expect(negative).toEqual([]);
});

it('a group whose coordinator is not there yet, a cold cluster, is asked for again: kafkajs alone gives up for good', async () => {
  const fatal: Error[] = [];
  const group = new KafkaConsumerGroup({
    connection,
    producer,
    groupId: 'cold',
    handlers: new Map([[TOPIC, async ({ events }) => events.length]]),
    onFatal: (error) => fatal.push(error),
  });
  await group.start();
  const askedBeforeCrash = cluster.coordinatorAsked;
  await eventually(
    () => cluster.coordinatorAsked,
    (asked) => asked > askedBeforeCrash,
  );
  expect([fatal, group.status.isMember]).toEqual([[], false]);
  await group.stop();
});
