/** The bus over Kafka keeps the promises its twin in memory keeps, and ends in bounded time where no broker answers. */
import { randomUUID } from 'node:crypto';
import {
  busConformance,
  ensureTopics,
  KafkaConnection,
  KafkaConsumerGroup,
  KafkaEventProducer,
  tombstone,
} from '@tributary/bus';
import { TOPICS } from '@tributary/contracts';
import { createLogger } from '@tributary/runtime';
import { eventually } from '@tributary/testing';
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

it('every topic of the table exists with its partitions', async () => {
  const admin = connection.kafka.admin();
  await admin.connect();
  const { topics } = await admin.fetchTopicMetadata();
  await admin.disconnect();
  for (const [name, { partitions }] of Object.entries(TOPICS)) {
    expect(topics.find((topic) => topic.name === name)?.partitions).toHaveLength(partitions);
  }
});
