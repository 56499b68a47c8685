/** What a Confluent-compatible schema registry answers for our topics: subjects, versions and ids from the lock file. */
import { LOCKED_SCHEMAS } from './generated/events.ts';
import { TOPIC_NAMES, TOPICS } from './topics.ts';

export interface SubjectVersion {
  readonly subject: string;
  readonly version: number;
  readonly id: number;
  /** The Avro schema as JSON text, as the registry protocol wants it. */
  readonly schema: string;
}

/** TopicNameStrategy: the value schema of a topic is registered under `<topic>-value`. */
export const SUBJECT_VERSIONS: readonly SubjectVersion[] = TOPIC_NAMES.flatMap((topic) =>
  (LOCKED_SCHEMAS[TOPICS[topic].schema] ?? []).map(({ version, id, schema }) => ({
    subject: `${topic}-value`,
    version,
    id,
    schema: JSON.stringify(schema),
  })),
);
