/** The id of a record by its place in the log, and the header that keeps the place when it is published again. */
import { deterministicUuid } from '@tributary/domain';
import type { TopicName } from './topics.ts';

/** The same record set aside twice is one dead letter. */
export function deadLetterIdOf(topic: TopicName, partition: number, offset: number): string {
  return deterministicUuid('dead_letter', topic, String(partition), String(offset));
}

/**
 * Header of a record that was published again because ClickHouse could not decode it: `<partition>/<offset>` where it
 * stood first. Everybody else has read it there and may skip it.
 */
export const REPUBLISHED_FROM = 'tributary-republished-from';
