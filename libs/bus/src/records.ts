/** Records on their way to and from Kafka, and the two ports every service uses: produce and handle. */
import { type EventOf, encodeEvent, type TopicName } from '@tributary/contracts';
import { DependencyFailure, type GroupStatus, traceHeaders } from '@tributary/runtime';

/** An encoded event on its way to a topic. */
export interface OutgoingRecord {
  readonly topic: TopicName;
  readonly key: string;
  readonly value: Buffer;
  /** Trace context, and where a record that is published again stood first. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A record without a value, by which a compacted topic forgets its key. */
export interface Tombstone extends Omit<OutgoingRecord, 'value'> {
  readonly value: null;
}

/** What goes to a topic: an event, or that one is to be forgotten. */
export type Outgoing = OutgoingRecord | Tombstone;

/** Where an acknowledged record stands in the log. */
export interface RecordPosition {
  readonly topic: TopicName;
  readonly partition: number;
  readonly offset: number;
}

/** Writes events. Resolves only when every in-sync replica has them all; positions are in the order of the records. */
export interface EventProducer {
  /**
   * @param deadlineMs after which the promise rejects; what was in flight by then may still be stored.
   * @param silenceMs it rejects sooner when for so long nothing of anybody was acknowledged: what only waits its turn behind
   * much other work is not given up.
   * @throws DependencyFailure `kafka_unavailable` or `kafka_deadline`; ids make a repeat harmless. {@link UnsentFailure} where
   * surely nothing was sent. RangeError for a record that Kafka would never take for its size: nothing of the call is
   * written then.
   */
  produce(
    records: readonly Outgoing[],
    deadlineMs?: number,
    silenceMs?: number,
  ): Promise<readonly RecordPosition[]>;
}

/** Kafka was not reached, and nothing of the call has left this process: sending it again repeats nothing. */
export class UnsentFailure extends DependencyFailure {}

/** A decoded event with its coordinates. */
export interface IncomingEvent<T extends TopicName = TopicName> {
  readonly topic: T;
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  /** When the record was written, epoch ms. */
  readonly writtenAt: number;
  readonly event: EventOf<T>;
  /** The wire form, for records that carry another one on. */
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** Consecutive events of one partition, in log order. */
export interface PartitionBatch<T extends TopicName = TopicName> {
  readonly topic: T;
  readonly partition: number;
  readonly events: readonly IncomingEvent<T>[];
  /** Aborted when the partition is lost or the service drains: long waits end early. */
  readonly signal: AbortSignal;
}

/**
 * How many events of a batch, from the first on, are done: all their effects are acknowledged. Only those are committed;
 * the rest comes again, at once or, where the handler waits for an instant on purpose, at `resumeAt` (epoch ms).
 */
export type BatchAnswer = number | { readonly done: number; readonly resumeAt: number };

/**
 * Does the work of a batch. A DependencyFailure has the same batch come again after a pause; any other error is a defect,
 * tried three times before the record is set aside.
 */
export type BatchHandler<T extends TopicName = TopicName> = (
  batch: PartitionBatch<T>,
) => Promise<BatchAnswer>;

/** Where a schema can be learnt whose id this build does not know. */
export interface SchemaSource {
  /** @throws DependencyFailure when nobody answers: the record then waits. */
  learn(id: number): Promise<'learnt' | 'unknown'>;
}

export interface TopicPartition {
  readonly topic: TopicName;
  readonly partition: number;
}

/** A key for maps by partition. */
export function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

/** Told which partitions this instance owns, before it sees their first event. */
export interface AssignmentListener {
  /** May wait, e.g. until ClickHouse shows what the last owner wrote; no event is handled before it resolves. */
  assigned(partitions: readonly TopicPartition[]): Promise<void>;
  /** The batches in hand are done; the group is left once this resolves, and what writes as its member can do so until then. */
  drained?(): Promise<void>;
}

/** A consumer group as a service uses it; real over Kafka, and in memory for tests. */
export interface ConsumerGroup {
  /** Resolves when it reads; a start that fails may be tried again with a new group. */
  start(): Promise<void>;
  /** Finishes what is in hand, commits it and leaves, in bounded time whether or not a broker answers. */
  stop(): Promise<void>;
  readonly status: GroupStatus;
}

/** The record of an event, within the trace that is running. @throws Error when the event does not fit its schema, a defect of the caller. */
export function outgoing<T extends TopicName>(topic: T, key: string, event: EventOf<T>): OutgoingRecord {
  return { topic, key, value: encodeEvent(topic, event), headers: traceHeaders() };
}

export function tombstone(topic: TopicName, key: string): Tombstone {
  return { topic, key, value: null, headers: traceHeaders() };
}
