/**
 * Reads decided conversions from Tributary and prints one line of JSON for each new revision.
 *
 *     node consume.mjs                                   reads on from where the group stood
 *     node consume.mjs --rewind 2026-01-02T03:04:05Z     sets the group back to that time; no member may be running
 */
import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import avro from 'avsc';
import { Kafka, logLevel } from 'kafkajs';

const {
  TOPIC: topic = 'conversion.decided.v1',
  GROUP_ID: groupId = 'example-node',
  KAFKA_BROKERS: brokers = '127.0.0.1:9092',
  SCHEMA_REGISTRY_URL: host = 'http://127.0.0.1:8085',
} = process.env;

const kafka = new Kafka({ clientId: groupId, brokers: brokers.split(','), logLevel: logLevel.ERROR });

// Money is a 64-bit integer, of which a JavaScript number holds 53 bits: decoded as BigInt.
const long = avro.types.LongType.__with({
  fromBuffer: (buffer) => buffer.readBigInt64LE(),
  toBuffer: (value) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigInt64LE(value);
    return buffer;
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value) => typeof value === 'bigint',
  compare: (left, right) => (left === right ? 0 : left < right ? -1 : 1),
});
const isMoney = (schema) => schema.type === 'long' && schema.logicalType === 'money-micros';
const registry = new SchemaRegistry(
  { host },
  { [SchemaType.AVRO]: { typeHook: (schema) => (isMoney(schema) ? long : undefined) } },
);

/** Commits, for each partition, the first offset that was written at or after the time; the end where nothing is that young. */
async function rewind(to) {
  const admin = kafka.admin();
  await admin.connect();
  const partitions = await admin.fetchTopicOffsetsByTimestamp(topic, Date.parse(to));
  await admin.setOffsets({ groupId, topic, partitions });
  await admin.disconnect();
}

/** Your work. The same conversion and revision may come again, so write it under that key. */
function handle(conversion) {
  const { conversionId, revision, eventType, match, state, customerId, currency } = conversion;
  const line = {
    conversionId,
    revision,
    eventType,
    match,
    state,
    customerId,
    revenueMicros: conversion.revenueMicros === null ? null : String(conversion.revenueMicros),
    currency,
    occurredAt: new Date(conversion.occurredAt).toISOString(),
  };
  console.log(JSON.stringify(line));
}

async function consume() {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 10_000 });
  const seen = new Map();
  // A consumer that crashed for good must not stay up and idle.
  consumer.on(consumer.events.CRASH, ({ payload: { restart } }) => {
    if (!restart) process.exit(1);
  });
  for (const signal of ['SIGTERM', 'SIGINT'])
    process.once(signal, () => consumer.disconnect().then(() => process.exit(0)));
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      const key = message.key.toString();
      // No value: what was known under this key is to be forgotten.
      if (message.value === null) {
        seen.delete(key);
        return;
      }
      const conversion = await registry.decode(message.value);
      // Test traffic goes through the whole pipeline; it is nobody's money.
      if (conversion.isTest || conversion.revision <= (seen.get(key) ?? 0)) return;
      handle(conversion);
      seen.set(key, conversion.revision);
    },
  });
}

const [, , option, time] = process.argv;
await (option === '--rewind' ? rewind(time) : consume());
