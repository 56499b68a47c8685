/** Every topic of the pipeline in one table: what is in it, how it is keyed, who writes and reads it, how long it is kept. */

const DAY_MS = 86_400_000;
const FOR_EVER = -1;
/** How long a tombstone stays readable, so that a consumer that was away for a month still learns of the erasure. */
const TOMBSTONE_MS = 30 * DAY_MS;

/** Partitions of every topic but configuration; never changed in place, since two owners would then decide one lane. */
export const PARTITIONS = 12;

export interface TopicDefinition {
  /** Schema file in schemas/ without its ending; the five timer levels share one, and so do decided and current. */
  readonly schema: string;
  /** What the record key holds. Keys are UTF-8 strings, partitioned by murmur2. */
  readonly key: string;
  /** The one service that writes it; dead letters come from whoever gives up. */
  readonly writer: string;
  readonly readers: readonly string[];
  readonly partitions: number;
  /** Milliseconds, or -1 for ever. */
  readonly retentionMs: number;
  /** `compact` keeps the latest record of each key; a record without a value, a tombstone, removes the key. */
  readonly cleanupPolicy: 'delete' | 'compact';
  /** Milliseconds a tombstone stays readable; null where nothing is compacted. */
  readonly deleteRetentionMs: number | null;
}

type TopicRow<S extends string> = Pick<TopicDefinition, 'key' | 'writer' | 'readers'> & {
  readonly schema: S;
  readonly partitions?: number;
};

/** Every record is kept for so many days, or for ever. */
function kept<const S extends string>(days: number, row: TopicRow<S>) {
  return {
    partitions: PARTITIONS,
    ...row,
    retentionMs: days === FOR_EVER ? FOR_EVER : days * DAY_MS,
    cleanupPolicy: 'delete',
    deleteRetentionMs: null,
  } as const satisfies TopicDefinition;
}

/** The latest record of each key is kept for ever. */
function latest<const S extends string>(row: TopicRow<S>) {
  return {
    partitions: PARTITIONS,
    ...row,
    retentionMs: FOR_EVER,
    cleanupPolicy: 'compact',
    deleteRetentionMs: TOMBSTONE_MS,
  } as const satisfies TopicDefinition;
}

/** One level of the timer wheel. */
function due() {
  return kept(7, { schema: 'delivery.due.v1', key: 'conversionId', writer: 'fan-out', readers: ['fan-out'] });
}

// Why each key: clicks spread by clickId; a lane's postbacks and commands need one order; everything about one
// conversion (decisions, attempts, due retries, orders to send again) stays in one partition number so that its owner holds its delivery
// state; a customer's signals are read in order; of a destination only the latest state and credentials count.
export const TOPICS = {
  'click.recorded.v1': kept(30, {
    schema: 'click.recorded.v1',
    key: 'clickId',
    writer: 'ingestion',
    readers: ['ClickHouse'],
  }),
  'postback.received.v1': kept(90, {
    schema: 'postback.received.v1',
    key: 'lane',
    writer: 'ingestion',
    readers: ['attribution', 'ClickHouse'],
  }),
  'postback.refused.v1': kept(30, {
    schema: 'postback.refused.v1',
    key: 'sourceId',
    writer: 'ingestion',
    readers: ['ClickHouse'],
  }),
  'postback.judged.v1': kept(90, {
    schema: 'postback.judged.v1',
    key: 'receiptId',
    writer: 'attribution',
    readers: ['ClickHouse'],
  }),
  'conversion.decided.v1': kept(FOR_EVER, {
    schema: 'conversion.decided.v1',
    key: 'conversionId',
    writer: 'attribution',
    readers: ['fan-out', 'ClickHouse', 'CRM consumers'],
  }),
  'conversion.current.v1': latest({
    schema: 'conversion.decided.v1',
    key: 'conversionId',
    writer: 'attribution',
    readers: ['CRM consumers'],
  }),
  'lifecycle.signalled.v1': kept(90, {
    schema: 'lifecycle.signalled.v1',
    key: 'customerKey',
    writer: 'attribution',
    readers: ['ClickHouse', 'CRM consumers'],
  }),
  'attribution.commanded.v1': kept(90, {
    schema: 'attribution.commanded.v1',
    key: 'lane',
    writer: 'console',
    readers: ['attribution'],
  }),
  'delivery.commanded.v1': kept(90, {
    schema: 'delivery.commanded.v1',
    key: 'conversionId',
    writer: 'console',
    readers: ['fan-out', 'ClickHouse'],
  }),
  'replay.recorded.v1': kept(FOR_EVER, {
    schema: 'replay.recorded.v1',
    key: 'runId',
    writer: 'console',
    readers: ['ClickHouse', 'console'],
  }),
  'delivery.attempted.v1': kept(90, {
    schema: 'delivery.attempted.v1',
    key: 'conversionId',
    writer: 'fan-out',
    readers: ['ClickHouse'],
  }),
  'delivery.due.1s.v1': due(),
  'delivery.due.5s.v1': due(),
  'delivery.due.30s.v1': due(),
  'delivery.due.5m.v1': due(),
  'delivery.due.1h.v1': due(),
  'destination.state.v1': latest({
    schema: 'destination.state.v1',
    key: 'destinationId',
    writer: 'fan-out',
    readers: ['fan-out', 'console'],
  }),
  'credential.refreshed.v1': latest({
    schema: 'credential.refreshed.v1',
    key: 'destinationId',
    writer: 'fan-out',
    readers: ['fan-out'],
  }),
  'dead-letter.v1': kept(90, {
    schema: 'dead-letter.v1',
    key: 'original key',
    writer: 'whoever gives up',
    readers: ['ClickHouse', 'console'],
  }),
  'configuration.changed.v1': kept(FOR_EVER, {
    schema: 'configuration.changed.v1',
    key: 'entityType:entityId',
    writer: 'console',
    readers: ['ingestion', 'attribution', 'fan-out', 'console', 'ClickHouse'],
    partitions: 1,
  }),
} as const satisfies Record<string, TopicDefinition>;

export type TopicName = keyof typeof TOPICS;

export const TOPIC_NAMES = Object.keys(TOPICS) as readonly TopicName[];
