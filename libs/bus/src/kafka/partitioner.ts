/** The partition of a key: murmur2 as in the Java client, so that every consumer in any language agrees. */
import { TOPICS, type TopicName } from '@tributary/contracts';
import { Partitioners } from 'kafkajs';

const partitioner = Partitioners.DefaultPartitioner();

const partitionsByCount = new Map<number, { partitionId: number; leader: number }[]>();

/** Partition of `key` in `topic`, 0-based. */
export function partitionOf(topic: TopicName, key: string): number {
  const count = TOPICS[topic].partitions;
  let partitionMetadata = partitionsByCount.get(count);
  if (partitionMetadata === undefined) {
    partitionMetadata = Array.from({ length: count }, (_, partitionId) => ({ partitionId, leader: 0 }));
    partitionsByCount.set(count, partitionMetadata);
  }
  // Only the key and the number of partitions decide; the rest of kafkajs's metadata is not read for keyed records.
  return partitioner({ topic, partitionMetadata: partitionMetadata as never, message: { key, value: null } });
}
