/** Clients we did not write decode every topic, field by field as it was sent, through the schema registry. */
import { randomUUID } from 'node:crypto';
import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import { ensureTopics, KafkaConnection, KafkaEventProducer } from '@tributary/bus';
import { type EventOf, encodeEvent, TOPIC_NAMES, type TopicName } from '@tributary/contracts';
import { createLogger } from '@tributary/runtime';
import avro from 'avsc';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { canonical, FILLINGS, type Filling, filledEvent } from './filled-events.ts';
import { publish } from './publish.ts';
import { PYTHON, runPython } from './python.ts';

/** Marks the records of this run; other tests write to the same topics, poison among it. */
const RUN = `third-party-${randomUUID()}`;
const sent = new Map<string, { topic: TopicName; value: unknown }>();

const keyOf = (topic: TopicName, filling: Filling) => `${RUN}:${topic}:${filling}`;

beforeAll(async () => {
  const connection = new KafkaConnection({
    brokers: inject('brokers').split(','),
    clientId: 'third-party-test',
    logger: createLogger('third-party-test', 'silent'),
  });
  await ensureTopics(connection, 1);
  const producer = new KafkaEventProducer({ connection });
  for (const topic of TOPIC_NAMES) {
    for (const filling of FILLINGS) {
      const event = filledEvent(topic, filling);
      sent.set(keyOf(topic, filling), { topic, value: canonical(event) });
      const value = encodeEvent(topic, event as unknown as EventOf<typeof topic>);
      await publish(producer, [{ topic, key: keyOf(topic, filling), value }]);
    }
  }
  await producer.close();
  await connection.close();
});

/** avsc reads a long as a double unless told otherwise; money needs all of its 64 bits. */
const longAsBigInt = avro.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigInt64LE(value);
    return buffer;
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (left: bigint, right: bigint) => (left === right ? 0 : left < right ? -1 : 1),
});

describe('@kafkajs/confluent-schema-registry with kafkajs', () => {
  const received = new Map<string, unknown>();
  let stop = async () => {};

  beforeAll(async () => {
    const registry = new SchemaRegistry(
      { host: inject('schemaRegistryUrl') },
      { [SchemaType.AVRO]: { typeHook: (schema) => (isLong(schema) ? longAsBigInt : undefined) } },
    );
    const kafka = new Kafka({ brokers: inject('brokers').split(','), logLevel: logLevel.NOTHING });
    const consumer = kafka.consumer({ groupId: RUN });
    await consumer.connect();
    stop = () => consumer.disconnect();
    await consumer.subscribe({ topics: [...TOPIC_NAMES], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const eachMessage = async ({ message }: { message: { key: Buffer | null; value: Buffer | null } }) => {
        const key = message.key?.toString() ?? '';
        if (!sent.has(key) || message.value === null) return;
        await registry.decode(message.value).then((value) => received.set(key, canonical(value)), reject);
        if (received.size === sent.size) resolve();
      };
      consumer.run({ eachMessage }).catch(reject);
    });
  });

  afterAll(() => stop());

  it.each(everyRecord())('%s, %s', (topic, filling) => {
    expect(received.get(keyOf(topic, filling))).toEqual(sent.get(keyOf(topic, filling))?.value);
  });
});

describe.skipIf(PYTHON === null)("confluent-kafka's AvroDeserializer", () => {
  const received = new Map<string, { topic: string; value: unknown }>();

  beforeAll(async () => {
    const output = await runPython(
      'tests/python/decode_topics.py',
      inject('brokers'),
      inject('schemaRegistryUrl'),
      RUN,
      ...TOPIC_NAMES,
    );
    for (const line of output.trim().split('\n')) {
      const { topic, key, value } = JSON.parse(line) as { topic: string; key: string; value: unknown };
      received.set(key, { topic, value });
    }
  });

  it.each(everyRecord())('%s, %s', (topic, filling) => {
    expect(received.get(keyOf(topic, filling))).toEqual(sent.get(keyOf(topic, filling)));
  });
});

function everyRecord(): [TopicName, Filling][] {
  return TOPIC_NAMES.flatMap((topic) => FILLINGS.map((filling): [TopicName, Filling] => [topic, filling]));
}

function isLong(schema: unknown): boolean {
  return (
    schema === 'long' ||
    (typeof schema === 'object' && schema !== null && 'type' in schema && schema.type === 'long')
  );
}
