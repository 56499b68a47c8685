/** The bus on a real broker: nothing is committed before its work is done, a poison record stops nobody, an outage loses nothing. */
import { randomUUID } from 'node:crypto';
import {
  type BatchHandler,
  ensureTopics,
  KafkaConnection,
  KafkaConsumerGroup,
  KafkaEventProducer,
  type OutgoingRecord,
  outgoing,
  partitionOf,
} from '@tributary/bus';
import { decodeEvent, TOPICS } from '@tributary/contracts';
import { createLogger, DependencyFailure } from '@tributary/runtime';
import { aRefusal, eventually } from '@tributary/testing';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';

const TOPIC = 'postback.refused.v1';
const logger = createLogger('bus-test', 'silent');

let connection: KafkaConnection;
let producer: KafkaEventProducer;
let groups: KafkaConsumerGroup[] = [];

beforeAll(async () => {
  connection = new KafkaConnection({ brokers: inject('brokers').split(','), clientId: 'bus-test', logger });
  await ensureTopics(connection, 1);
  producer = new KafkaEventProducer({ connection });
});

afterEach(async () => {
  await Promise.all(groups.map((group) => group.stop()));
  groups = [];
});

afterAll(async () => {
  await producer.close();
  await connection.close();
});

/** Records of one test: only its own keys are looked at, since all tests share the topic. */
function records(run: string, count: number): OutgoingRecord[] {
  return Array.from({ length: count }, (_, n) =>
    outgoing(TOPIC, `${run}-${n}`, aRefusal({ refusalId: randomUUID(), sourceId: `${run}-${n}` })),
  );
}

/** Remembers what was handled of one test, optionally doing something first. */
function collecting(
  run: string,
  seen: string[],
  before?: (sourceId: string) => Promise<void> | void,
): BatchHandler<typeof TOPIC> {
  return async ({ events }) => {
    for (const { event } of events) {
      if (!event.sourceId.startsWith(run)) continue;
      await before?.(event.sourceId);
      seen.push(event.sourceId);
    }
    return events.length;
  };
}

async function consume(groupId: string, handler: BatchHandler<typeof TOPIC>): Promise<KafkaConsumerGroup> {
  const group = new KafkaConsumerGroup({
    connection,
    groupId,
    producer,
    handlers: new Map([[TOPIC, handler as BatchHandler]]),
    onFatal: (error) => {
      throw error;
    },
  });
  groups.push(group);
  await group.start();
  return group;
}

describe('producer', () => {
  it('answers the position of every record, in their order', async () => {
    const run = randomUUID();
    const sent = records(run, 50);
    const positions = await producer.produce(sent);
    expect(positions.map(({ partition }) => partition)).toEqual(
      sent.map(({ key }) => partitionOf(TOPIC, key)),
    );
    const again = await producer.produce(sent);
    again.forEach((position, index) => {
      expect(position.offset).toBeGreaterThan(positions[index]?.offset ?? Number.POSITIVE_INFINITY);
    });
  });

  it('rejects at the deadline when no broker answers', async () => {
    const nowhere = new KafkaConnection({ brokers: ['127.0.0.1:1'], clientId: 'bus-test', logger });
    const stranded = new KafkaEventProducer({ connection: nowhere });
    const startedAt = performance.now();
    await expect(stranded.produce(records(randomUUID(), 1), 300)).rejects.toBeInstanceOf(DependencyFailure);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});

describe('consumer group', () => {
  it('hands over every record once and begins after what it had committed', async () => {
    const run = randomUUID();
    const groupId = `group-${run}`;
    await producer.produce(records(run, 300));
    const seen: string[] = [];
    const first = await consume(groupId, collecting(run, seen));
    await eventually(
      () => seen.length,
      (count) => count === 300,
    );
    await first.stop();
    await producer.produce(records(`${run}-later`, 5));
    const later: string[] = [];
    await consume(groupId, collecting(run, later));
    await eventually(
      () => later.length,
      (count) => count >= 5,
    );
    expect(new Set(seen).size).toBe(300);
    expect(later.every((sourceId) => sourceId.startsWith(`${run}-later`))).toBe(true);
  });

  it('sets a poison record aside with its bytes and handles the next at once', async () => {
    const run = randomUUID();
    const seen: string[] = [];
    await consume(`group-${run}`, collecting(run, seen));
    const [good] = records(run, 1);
    if (!good) throw new Error('no record');
    const poison: OutgoingRecord = { topic: TOPIC, key: good.key, value: Buffer.from([0, 0, 0, 0, 1, 255]) };
    await producer.produce([poison, good]);
    await eventually(
      () => seen.length,
      (count) => count === 1,
      5_000,
    );
    const letters = await deadLettersOf(good.key);
    expect(letters).toHaveLength(1);
    expect(letters[0]).toMatchObject({ topic: TOPIC, value: poison.value });
  });

  it('isolates the one record whose handler always throws', async () => {
    const run = randomUUID();
    const seen: string[] = [];
    const bad = `${run}-7`;
    await producer.produce(records(run, 20));
    await consume(
      `group-${run}`,
      collecting(run, seen, (sourceId) => {
        if (sourceId === bad) throw new TypeError('a defect');
      }),
    );
    await eventually(
      () => new Set(seen).size,
      (count) => count === 19,
    );
    const letters = await eventually(
      () => deadLettersOf(bad),
      ({ length }) => length > 0,
    );
    expect(letters.map(({ reasonCode }) => reasonCode)).toEqual(['handler_failed']);
  });

  it('waits through an outage, sets nothing aside and goes on alone', async () => {
    const run = randomUUID();
    const seen: string[] = [];
    let isDown = true;
    await producer.produce(records(run, 10));
    await consume(
      `group-${run}`,
      collecting(run, seen, () => {
        if (isDown) throw new DependencyFailure('clickhouse_unavailable', 'down');
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(seen).toEqual([]);
    isDown = false;
    await eventually(
      () => new Set(seen).size,
      (count) => count === 10,
    );
    expect(await deadLettersOf(`${run}-0`)).toEqual([]);
  });

  it('loses nothing while members come and go', async () => {
    const run = randomUUID();
    const groupId = `group-${run}`;
    const seen: string[] = [];
    const slow = collecting(run, seen, () => new Promise((resolve) => setTimeout(resolve, 2)));
    const first = await consume(groupId, slow);
    for (let batch = 0; batch < 5; batch++) await producer.produce(records(`${run}-${batch}`, 60));
    const second = await consume(groupId, slow);
    await producer.produce(records(`${run}-5`, 60));
    await first.stop();
    await consume(groupId, slow);
    await second.stop();
    await eventually(
      () => new Set(seen).size,
      (count) => count === 360,
      40_000,
    );
  });
});

async function deadLettersOf(key: string) {
  const letters: { key: string; topic: string; reasonCode: string; value: Buffer | null }[] = [];
  const consumer = connection.kafka.consumer({ groupId: randomUUID(), maxWaitTimeInMs: 100 });
  const ends = await connection.endOffsets('dead-letter.v1');
  const total = [...ends.values()].reduce((sum, end) => sum + end, 0);
  let read = 0;
  await consumer.connect();
  await consumer.subscribe({ topics: ['dead-letter.v1'], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      read += 1;
      const decoded = decodeEvent('dead-letter.v1', message.value);
      if (decoded.ok) letters.push({ ...decoded.value, key: String(message.key) });
    },
  });
  await eventually(
    () => read,
    (count) => count >= total,
  );
  await consumer.disconnect();
  return letters.filter((letter) => letter.key === key);
}

it('every topic of the table exists with its partitions', async () => {
  const admin = connection.kafka.admin();
  await admin.connect();
  const { topics } = await admin.fetchTopicMetadata();
  await admin.disconnect();
  for (const [name, { partitions }] of Object.entries(TOPICS)) {
    expect(topics.find((topic) => topic.name === name)?.partitions).toHaveLength(partitions);
  }
});
