/** The bus over Kafka keeps the promises its twin in memory keeps, and ends in bounded time where no broker answers. */
import { randomUUID } from 'node:crypto';
import {
  busConformance,
  ensureTopics,
  KafkaConnection,
  KafkaConsumerGroup,
  KafkaEventProducer,
  LatestRecords,
  outgoing,
  tombstone,
} from '@tributary/bus';
import { type DestinationState, TOPICS } from '@tributary/contracts';
import { createLogger } from '@tributary/runtime';
import { eventually, exampleEvent } from '@tributary/testing';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

const logger = createLogger('bus-test', 'silent');
const connection = new KafkaConnection({
  brokers: inject('brokers').split(','),
  clientId: 'bus-test',
  logger,
});
const producer = new KafkaEventProducer({ connection });

beforeAll(async () => {
  await ensureTopics(connection, 1);
});

afterAll(async () => {
  await producer.close();
  await connection.close();
});

describe('the bus over Kafka', () => {
  const checks = busConformance({
    producer,
    member: (groupId, options) => new KafkaConsumerGroup({ ...options, connection, producer, groupId }),
    committedOffsets: (groupId, topic) => connection.committedOffsets(groupId, topic),
  });
  it.each(checks)('$name', ({ run }) => run());
});

it('a tombstone stands in the topic as a record without a value', async () => {
  const key = randomUUID();
  const [position] = await producer.produce([tombstone('conversion.current.v1', key)]);
  const found: unknown[] = [];
  const consumer = connection.kafka.consumer({ groupId: `tombstones-${key}` });
  try {
    await consumer.connect();
    await consumer.subscribe({ topic: 'conversion.current.v1', fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ partition, message }) => {
        if (message.key?.toString() === key)
          found.push({ partition, offset: Number(message.offset), value: message.value });
      },
    });
    await eventually(
      () => found.length,
      (count) => count > 0,
    );
  } finally {
    await consumer.disconnect();
  }
  expect(found).toEqual([{ partition: position?.partition, offset: position?.offset, value: null }]);
});

it('what a compacted topic says last of each key is there when its reader has started', async () => {
  const run = randomUUID();
  const ids = Array.from({ length: 30 }, (_, n) => `${run}-${n}`);
  const example = exampleEvent('destination.state.v1') as DestinationState;
  const stateOf = (destinationId: string, probes: number) =>
    outgoing('destination.state.v1', destinationId, { ...example, destinationId, probes });
  for (const probes of [1, 2]) await producer.produce(ids.map((id) => stateOf(id, probes)));
  await producer.produce([tombstone('destination.state.v1', `${run}-0`)]);

  const latest = new Map<string, number | null>();
  const records = new LatestRecords({
    connection,
    topic: 'destination.state.v1',
    schemas: { learn: async () => 'unknown' },
    onFatal: (error) => {
      throw error;
    },
  });
  const followed = await records.follow((key, state) => latest.set(key, state?.probes ?? null));
  try {
    expect(ids.map((id) => latest.get(id))).toEqual([null, ...Array(29).fill(2)]);
    await producer.produce([stateOf(`${run}-1`, 3)]);
    await eventually(
      () => latest.get(`${run}-1`),
      (probes) => probes === 3,
    );
  } finally {
    await followed.stop();
  }
});

it('every topic of the table exists with its partitions', async () => {
  const admin = connection.kafka.admin();
  await admin.connect();
  const { topics } = await admin.fetchTopicMetadata();
  await admin.disconnect();
  for (const [name, { partitions }] of Object.entries(TOPICS)) {
    expect(topics.find((topic) => topic.name === name)?.partitions).toHaveLength(partitions);
  }
});
