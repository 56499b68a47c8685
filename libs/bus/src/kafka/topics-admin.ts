/** Brings the topics of the table in libs/contracts into being and up to date; never changes a partition count in place. */
import { setTimeout as delay } from 'node:timers/promises';
import { TOPIC_NAMES, TOPICS, type TopicDefinition, type TopicName } from '@tributary/contracts';
import kafkajs, { type Admin } from 'kafkajs';
import type { KafkaConnection } from './connection.ts';

// Not among the names that Node finds in this CommonJS package.
const { TOPIC } = kafkajs.ConfigResourceTypes;

/** In-sync replicas an acknowledged record is on, on a cluster. */
const MIN_INSYNC_REPLICAS = 2;
/** Twice Kafka's standard for every other topic. */
const DEAD_LETTER_BYTES = 2_097_152;
const SERVED_BOUND_MS = 60_000;
const SERVED_POLL_MS = 200;
/** Kafka's own number for a configuration that was set on the topic itself (DescribeConfigs, config_source). */
const SET_ON_THE_TOPIC = 1;

export interface EnsuredTopics {
  readonly created: readonly TopicName[];
  /** Existing ones whose configuration was not as the table says. */
  readonly updated: readonly TopicName[];
}

type Configuration = ReadonlyMap<string, string>;

/**
 * Creates what is missing, waits until every partition takes records, and gives existing topics the retention of the table. Whatever else somebody has
 * set on a topic stays, e.g. larger records.
 * @throws Error when an existing topic has another number of partitions: two owners would decide one lane. Or when it
 * would become compacted or stop being so: that decides which records exist, and is for a person to do.
 */
export async function ensureTopics(
  connection: KafkaConnection,
  replicationFactor: number,
): Promise<EnsuredTopics> {
  const admin = connection.kafka.admin();
  await admin.connect();
  try {
    const names = new Set(await admin.listTopics());
    const existing = TOPIC_NAMES.filter((name) => names.has(name));
    const created = TOPIC_NAMES.filter((name) => !names.has(name));
    await admin.createTopics({
      waitForLeaders: true,
      topics: created.map((topic) => ({
        topic,
        numPartitions: TOPICS[topic].partitions,
        replicationFactor,
        configEntries: entriesOf(configurationOf(topic, replicationFactor)),
      })),
    });
    await refuseOtherPartitionCounts(admin);
    await untilServed(admin);
    return { created, updated: await updateConfigurations(admin, existing) };
  } finally {
    await admin.disconnect();
  }
}

async function refuseOtherPartitionCounts(admin: Admin): Promise<void> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [...TOPIC_NAMES] });
  for (const { name, partitions } of topics) {
    const expected = TOPICS[name as TopicName].partitions;
    if (partitions.length !== expected) {
      throw new Error(
        `topic ${name} has ${partitions.length} partitions, ${expected} expected; a count never changes in place`,
      );
    }
  }
}

/**
 * A new partition has a leader in the metadata before that broker has made its log: with some two hundred partitions on
 * a busy machine it answers NOT_LEADER for longer than a producer keeps trying.
 */
async function untilServed(admin: Admin): Promise<void> {
  const deadline = performance.now() + SERVED_BOUND_MS;
  for (const topic of TOPIC_NAMES) {
    for (;;) {
      try {
        await admin.fetchTopicOffsets(topic);
        break;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await delay(SERVED_POLL_MS);
      }
    }
  }
}

async function updateConfigurations(
  admin: Admin,
  topics: readonly TopicName[],
): Promise<readonly TopicName[]> {
  const updated: TopicName[] = [];
  for (const topic of topics) {
    const { effective, ownEntries } = await currentConfiguration(admin, topic);
    const wanted = keepingOf(TOPICS[topic]);
    const differing = [...wanted].filter(([name, value]) => effective.get(name) !== value);
    if (differing.length === 0) continue;
    if (differing.some(([name]) => name === 'cleanup.policy')) {
      throw new Error(
        `topic ${topic} has cleanup.policy ${effective.get('cleanup.policy')}, ${wanted.get('cleanup.policy')} expected; change it by hand`,
      );
    }
    await admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: TOPIC,
          name: topic,
          // This client only knows the request that replaces all of a topic's own entries: what it already has goes along.
          configEntries: entriesOf(new Map([...ownEntries, ...wanted])),
        },
      ],
    });
    updated.push(topic);
  }
  return updated;
}

async function currentConfiguration(
  admin: Admin,
  topic: TopicName,
): Promise<{ effective: Configuration; ownEntries: Configuration }> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: TOPIC, name: topic }],
  });
  const entries = resources[0]?.configEntries ?? [];
  const own = entries.filter(({ configSource }) => Number(configSource) === SET_ON_THE_TOPIC);
  return { effective: valuesOf(entries), ownEntries: valuesOf(own) };
}

function valuesOf(entries: readonly { configName: string; configValue: string }[]): Configuration {
  return new Map(entries.map(({ configName, configValue }) => [configName, configValue]));
}

function entriesOf(configuration: Configuration): { name: string; value: string }[] {
  return [...configuration].map(([name, value]) => ({ name, value }));
}

/** What is kept: the part of a topic's configuration that the table decides on every cluster alike. */
function keepingOf({ cleanupPolicy, retentionMs, deleteRetentionMs }: TopicDefinition): Configuration {
  return new Map([
    ['cleanup.policy', cleanupPolicy],
    ['retention.ms', String(retentionMs)],
    ['retention.bytes', '-1'],
    ...(deleteRetentionMs === null ? [] : [['delete.retention.ms', String(deleteRetentionMs)] as const]),
  ]);
}

function configurationOf(topic: TopicName, replicationFactor: number): Configuration {
  return new Map([
    ...keepingOf(TOPICS[topic]),
    ['min.insync.replicas', String(Math.min(MIN_INSYNC_REPLICAS, replicationFactor))],
    ['unclean.leader.election.enable', 'false'],
    // A foreign producer's snappy or lz4 batch would crash every kafkajs consumer: the broker unpacks it first.
    ['compression.type', 'uncompressed'],
    // A dead letter holds its record whole: with the same limit the largest record could never be set aside.
    ...(topic === 'dead-letter.v1' ? [['max.message.bytes', String(DEAD_LETTER_BYTES)] as const] : []),
  ]);
}
