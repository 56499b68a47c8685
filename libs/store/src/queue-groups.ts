/** The consumer groups in which ClickHouse's queues read the topics: what they have committed is what its tables show. */

/** Topics that a second queue reads as bytes (docs/adr/0034-decisions-read-twice.md). */
const READ_AS_BYTES: ReadonlySet<string> = new Set(['conversion.decided.v1']);

/** The group of the queue that decodes a topic. */
export function decodingGroupOf(database: string, topic: string): string {
  return `clickhouse.${database}.${topic}`;
}

/** The group of the queue that reads a topic as bytes. */
export function bytesGroupOf(database: string, topic: string): string {
  return `${decodingGroupOf(database, topic)}.bytes`;
}

/** The groups of all queues of a topic: a record stands in every table fed from it once each of them has committed it. */
export function storingGroupsOf(database: string, topic: string): readonly string[] {
  const decoding = decodingGroupOf(database, topic);
  return READ_AS_BYTES.has(topic) ? [decoding, bytesGroupOf(database, topic)] : [decoding];
}
