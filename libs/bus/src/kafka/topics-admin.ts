/** Creates the topics of the table in libs/contracts; never changes a partition count in place. */
import { TOPIC_NAMES, TOPICS } from '@tributary/contracts';
import type { KafkaConnection } from './connection.ts';

/** In-sync replicas an acknowledged record is on, on a cluster. */
const MIN_INSYNC_REPLICAS = 2;

/**
 * Creates what is missing.
 * @returns the topics that were created.
 * @throws Error when an existing topic has another number of partitions: two owners would decide one lane.
 */
export async function ensureTopics(
  connection: KafkaConnection,
  replicationFactor: number,
): Promise<readonly string[]> {
  const admin = connection.kafka.admin();
  await admin.connect();
  try {
    const existing = new Set(await admin.listTopics());
    const missing = TOPIC_NAMES.filter((name) => !existing.has(name));
    await admin.createTopics({
      waitForLeaders: true,
      topics: missing.map((topic) => ({
        topic,
        numPartitions: TOPICS[topic].partitions,
        replicationFactor,
        configEntries: configurationOf(TOPICS[topic].retentionMs, replicationFactor),
      })),
    });
    const { topics } = await admin.fetchTopicMetadata({ topics: [...TOPIC_NAMES] });
    for (const { name, partitions } of topics) {
      const expected = TOPICS[name as keyof typeof TOPICS].partitions;
      if (partitions.length !== expected) {
        throw new Error(
          `topic ${name} has ${partitions.length} partitions, ${expected} expected; a count never changes in place`,
        );
      }
    }
    return missing;
  } finally {
    await admin.disconnect();
  }
}

function configurationOf(retentionMs: number, replicationFactor: number): { name: string; value: string }[] {
  return [
    { name: 'cleanup.policy', value: 'delete' },
    { name: 'retention.ms', value: String(retentionMs) },
    { name: 'retention.bytes', value: '-1' },
    { name: 'min.insync.replicas', value: String(Math.min(MIN_INSYNC_REPLICAS, replicationFactor)) },
    { name: 'unclean.leader.election.enable', value: 'false' },
    // A foreign producer's snappy or lz4 batch would crash every kafkajs consumer: the broker unpacks it first.
    { name: 'compression.type', value: 'uncompressed' },
  ];
}
