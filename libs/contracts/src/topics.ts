/** Every topic of the pipeline in one table: what is in it, how it is keyed, who writes it, how long it is kept. */

const DAY_MS = 86_400_000;
const FOR_EVER = -1;

/** Partitions of every topic but configuration; never changed in place, since two owners would then decide one lane. */
export const PARTITIONS = 12;

export interface TopicDefinition {
  /** Schema file in schemas/ without its ending; the five timer levels share one. */
  readonly schema: string;
  /** What the record key holds. Keys are UTF-8 strings, partitioned by murmur2. */
  readonly key: string;
  readonly writer: string;
  readonly partitions: number;
  /** Milliseconds, or -1 for ever. */
  readonly retentionMs: number;
}

function topic<const S extends string>(
  schema: S,
  key: string,
  writer: string,
  retentionDays: number,
  partitions = PARTITIONS,
) {
  const retentionMs = retentionDays === FOR_EVER ? FOR_EVER : retentionDays * DAY_MS;
  return { schema, key, writer, partitions, retentionMs } satisfies TopicDefinition;
}

// Why each key: clicks spread by clickId; a lane's postbacks need one order; everything about one conversion
// (decisions, attempts, due retries) stays in one partition number so that its owner holds its delivery state.
export const TOPICS = {
  'click.recorded.v1': topic('click.recorded.v1', 'clickId', 'ingestion', 30),
  'postback.received.v1': topic('postback.received.v1', 'lane', 'ingestion', 90),
  'postback.refused.v1': topic('postback.refused.v1', 'sourceId', 'ingestion', 30),
  'postback.judged.v1': topic('postback.judged.v1', 'receiptId', 'attribution', 90),
  'conversion.decided.v1': topic('conversion.decided.v1', 'conversionId', 'attribution', FOR_EVER),
  'delivery.attempted.v1': topic('delivery.attempted.v1', 'conversionId', 'fan-out', 90),
  'delivery.due.1s.v1': topic('delivery.due.v1', 'conversionId', 'fan-out', 7),
  'delivery.due.5s.v1': topic('delivery.due.v1', 'conversionId', 'fan-out', 7),
  'delivery.due.30s.v1': topic('delivery.due.v1', 'conversionId', 'fan-out', 7),
  'delivery.due.5m.v1': topic('delivery.due.v1', 'conversionId', 'fan-out', 7),
  'delivery.due.1h.v1': topic('delivery.due.v1', 'conversionId', 'fan-out', 7),
  'dead-letter.v1': topic('dead-letter.v1', 'original key', 'whoever gives up', 90),
  'configuration.changed.v1': topic(
    'configuration.changed.v1',
    'entityType:entityId',
    'console',
    FOR_EVER,
    1,
  ),
} as const satisfies Record<string, TopicDefinition>;

export type TopicName = keyof typeof TOPICS;

export const TOPIC_NAMES = Object.keys(TOPICS) as readonly TopicName[];
