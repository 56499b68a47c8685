/** Writes the AsyncAPI document: every topic with its messages, keys and retention, and who sends and receives what. */
import { stringify } from 'yaml';
import { TOPICS, type TopicDefinition } from '../../libs/contracts/src/topics.ts';
import type { Lock, SchemaFile } from './schema-files.ts';

const CHANNEL_BINDING = '0.5.0';
const AVRO = 'application/vnd.apache.avro;version=1.9.0';

const DESCRIPTION = `The events of Tributary on Kafka. Values are Avro in Confluent's wire format: 0x00, four bytes of schema id, the
body; the schema registry gives the schema of an id. Keys are UTF-8 strings, partitioned by murmur2. Delivery is at least
once; the id in each event tells repeats. Examples show money (logical type money-micros: millionths of the unit) as
decimal text and bytes as base64.`;

/** The text of docs/asyncapi.yaml. */
export function asyncapiSource(lock: Lock, current: ReadonlyMap<string, SchemaFile>): string {
  const topics = Object.entries<TopicDefinition>(TOPICS);
  const document = {
    asyncapi: '3.0.0',
    info: { title: 'Tributary', version: '1.0.0', description: DESCRIPTION },
    defaultContentType: 'avro/binary',
    servers: {
      kafka: {
        host: '127.0.0.1:9092',
        protocol: 'kafka',
        description: 'KAFKA_BROKERS; the address is that of npm start.',
        bindings: {
          kafka: { schemaRegistryUrl: 'http://127.0.0.1:8085', schemaRegistryVendor: 'confluent' },
        },
      },
    },
    channels: Object.fromEntries(topics.map(([name, topic]) => [name, channelOf(name, topic, current)])),
    operations: Object.fromEntries(topics.flatMap(([name, topic]) => operationsOf(name, topic, current))),
    components: {
      messages: Object.fromEntries(
        [...current].map(([schema, file]) => [file.contract.name, messageOf(schema, file, lock)]),
      ),
    },
  };
  const note =
    '# Generated from libs/contracts/src/topics.ts and schemas/ by `npm run generate`; not edited by hand.\n';
  return note + stringify(document, { lineWidth: 120, aliasDuplicateObjects: false });
}

function channelOf(name: string, topic: TopicDefinition, current: ReadonlyMap<string, SchemaFile>) {
  const message = messageName(topic, current);
  const isCompacted = topic.cleanupPolicy === 'compact';
  return {
    address: name,
    description: `Key: ${topic.key}. Written by ${topic.writer}. ${keptInWords(topic)}`,
    messages: { [message]: { $ref: `#/components/messages/${message}` } },
    bindings: {
      kafka: {
        topic: name,
        partitions: topic.partitions,
        topicConfiguration: {
          'cleanup.policy': [topic.cleanupPolicy],
          'retention.ms': topic.retentionMs,
          ...(isCompacted && { 'delete.retention.ms': topic.deleteRetentionMs }),
        },
        bindingVersion: CHANNEL_BINDING,
      },
    },
  };
}

function keptInWords({ cleanupPolicy, retentionMs, deleteRetentionMs }: TopicDefinition): string {
  const days = (durationMs: number | null) => `${(durationMs ?? 0) / 86_400_000} days`;
  if (cleanupPolicy === 'compact') {
    return `Compacted: the latest record of a key counts; one without a value removes the key and stays for ${days(deleteRetentionMs)}.`;
  }
  return retentionMs < 0 ? 'Kept for ever.' : `Kept for ${days(retentionMs)}.`;
}

/** One operation for the writer and one for each reader, named `<service>.<sends|receives>.<topic>`. */
function operationsOf(name: string, topic: TopicDefinition, current: ReadonlyMap<string, SchemaFile>) {
  const operation = (service: string, action: 'send' | 'receive') => [
    `${service.replaceAll(' ', '-')}.${action}s.${name}`,
    {
      action,
      title: `${service} ${action}s ${name}`,
      channel: { $ref: `#/channels/${name}` },
      messages: [{ $ref: `#/channels/${name}/messages/${messageName(topic, current)}` }],
      tags: [{ name: service }],
    },
  ];
  return [operation(topic.writer, 'send'), ...topic.readers.map((reader) => operation(reader, 'receive'))];
}

function messageOf(schema: string, { contract, example }: SchemaFile, lock: Lock) {
  const newest = lock[schema]?.at(-1);
  const topics = Object.values<TopicDefinition>(TOPICS);
  return {
    name: contract.name,
    summary: contract.doc,
    description: `Schema id ${newest?.id}, version ${newest?.version}.`,
    payload: { schemaFormat: AVRO, schema: contract },
    examples: [{ payload: example }],
    bindings: {
      kafka: {
        key: { type: 'string', description: topics.find((topic) => topic.schema === schema)?.key },
        schemaIdLocation: 'payload',
        schemaIdPayloadEncoding: 'confluent',
        schemaLookupStrategy: 'TopicNameStrategy',
        bindingVersion: CHANNEL_BINDING,
      },
    },
  };
}

function messageName({ schema }: TopicDefinition, current: ReadonlyMap<string, SchemaFile>): string {
  const name = current.get(schema)?.contract.name;
  if (name === undefined) throw new Error(`schemas/${schema}.avsc is missing`);
  return name;
}
