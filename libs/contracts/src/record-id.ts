/** The id of a record by its place in the log. */
import { deterministicUuid } from '@tributary/domain';
import type { TopicName } from './topics.ts';

/** The same record set aside twice is one dead letter. */
export function deadLetterIdOf(topic: TopicName, partition: number, offset: number): string {
  return deterministicUuid('dead_letter', topic, String(partition), String(offset));
}
