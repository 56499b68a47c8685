/** A consumer group over kafkajs: hands each partition's records to its own worker and commits what the workers have finished. */
import type { TopicName } from '@tributary/contracts';
import type { Logger } from '@tributary/runtime';
import type { Batch, Consumer, EachBatchPayload } from 'kafkajs';
import { deadLetterOf, type RawRecord } from '../dead-letters.ts';
import type { AssignmentListener, BatchHandler, EventProducer, TopicPartition } from '../records.ts';
import type { KafkaConnection } from './connection.ts';
import { type FetchedRecord, PartitionWorker } from './partition-worker.ts';
import { rangeAssigner } from './range-assigner.ts';

export interface ConsumerGroupOptions {
  readonly connection: KafkaConnection;
  readonly groupId: string;
  /** Handler by topic; the group subscribes to exactly these. */
  readonly handlers: ReadonlyMap<TopicName, BatchHandler>;
  /** Takes dead letters. */
  readonly producer: EventProducer;
  readonly assignment?: AssignmentListener;
  readonly maxBatch?: number;
  /** The consumer is beyond repair: the process must end, a service that no longer reads must not look healthy. */
  readonly onFatal: (error: Error) => void;
}

/** A killed consumer's partitions are taken over after this time; kafkajs's standard is 30 s. */
const SESSION_TIMEOUT_MS = 10_000;
const HEARTBEAT_INTERVAL_MS = 2_000;
const REBALANCE_TIMEOUT_MS = 20_000;
/** A paused partition joins the next fetch, so this also bounds how late it resumes. */
const MAX_FETCH_WAIT_MS = 100;
const DEFAULT_MAX_BATCH = 500;
const ASSIGNMENT_RETRY_MS = 500;

export class KafkaConsumerGroup {
  readonly #options: ConsumerGroupOptions;
  readonly #logger: Logger;
  readonly #consumer: Consumer;
  #workers = new Map<string, PartitionWorker>();
  /** Workers given up that still finish what they had in hand; their successors wait for them. */
  readonly #retiring = new Map<string, Promise<void>>();
  #generation = 0;
  #stopping = false;

  constructor(options: ConsumerGroupOptions) {
    this.#options = options;
    this.#logger = options.connection.logger;
    this.#consumer = options.connection.kafka.consumer({
      groupId: options.groupId,
      sessionTimeout: SESSION_TIMEOUT_MS,
      heartbeatInterval: HEARTBEAT_INTERVAL_MS,
      rebalanceTimeout: REBALANCE_TIMEOUT_MS,
      maxWaitTimeInMs: MAX_FETCH_WAIT_MS,
      partitionAssigners: [rangeAssigner],
      allowAutoTopicCreation: false,
    });
  }

  async start(): Promise<void> {
    const consumer = this.#consumer;
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => this.#joined(payload.memberAssignment));
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      // kafkajs does not restart after errors it calls non-retriable: it would stay up, reading nothing.
      if (!payload.restart && !this.#stopping) this.#options.onFatal(payload.error);
    });
    await consumer.connect();
    await consumer.subscribe({ topics: [...this.#options.handlers.keys()], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: 1,
      eachBatch: async (payload) => this.#receive(payload),
    });
  }

  /** Finishes what is in hand, commits it, leaves the group. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#workers.values()].map((worker) => worker.drain()));
    await Promise.all(this.#retiring.values());
    this.#workers.clear();
    await this.#consumer.stop();
    await this.#consumer.disconnect();
  }

  /** True while the group has assigned this member its partitions. */
  get isMember(): boolean {
    return this.#generation > 0 && !this.#stopping;
  }

  #joined(memberAssignment: Record<string, number[]>): void {
    this.#generation += 1;
    const assigned = topicPartitionsOf(memberAssignment);
    this.#retireAll();
    const prepared = this.#prepare(assigned, this.#generation);
    for (const { topic, partition } of assigned) {
      const worker = this.#workerFor(topic, partition, prepared);
      if (worker) this.#workers.set(nameOf(topic, partition), worker);
    }
    this.#resume(assigned);
    this.#logger.info({ groupId: this.#options.groupId, partitions: assigned.length }, 'partitions.assigned');
  }

  /** After a rebalance kafkajs reads again from the committed offsets, so no worker keeps what it had queued. */
  #retireAll(): void {
    for (const [name, worker] of this.#workers) {
      const ended = Promise.all([this.#retiring.get(name), worker.retire()]).then(() => undefined);
      this.#retiring.set(name, ended);
    }
    this.#workers = new Map();
  }

  async #prepare(assigned: readonly TopicPartition[], generation: number): Promise<void> {
    while (generation === this.#generation && !this.#stopping) {
      try {
        await this.#options.assignment?.assigned(assigned);
        return;
      } catch (error) {
        this.#logger.warn({ err: error }, 'assignment.not_ready');
        await new Promise((resolve) => setTimeout(resolve, ASSIGNMENT_RETRY_MS));
      }
    }
  }

  #workerFor(topic: TopicName, partition: number, prepared: Promise<void>): PartitionWorker | undefined {
    const handle = this.#options.handlers.get(topic);
    if (handle === undefined) return undefined;
    const generation = this.#generation;
    const previous = this.#retiring.get(nameOf(topic, partition));
    return new PartitionWorker({
      topic,
      partition,
      ready: Promise.all([prepared, previous]).then(() => undefined),
      handle,
      deadLetter: (record, reasonCode, detail) => this.#deadLetter(record, reasonCode, detail),
      commit: async (nextOffset) => {
        if (generation !== this.#generation) return;
        await this.#consumer.commitOffsets([{ topic, partition, offset: String(nextOffset) }]);
      },
      onPressure: (isFull) => {
        if (generation !== this.#generation) return;
        if (isFull) this.#consumer.pause([{ topic, partitions: [partition] }]);
        else this.#consumer.resume([{ topic, partitions: [partition] }]);
      },
      logger: this.#logger,
      maxBatch: this.#options.maxBatch ?? DEFAULT_MAX_BATCH,
    });
  }

  /** Hands a fetched batch over and returns at once: kafkajs heartbeats only between fetches, and one fetch waits for all its batches. */
  #receive({ batch }: EachBatchPayload): void {
    this.#workers.get(nameOf(batch.topic, batch.partition))?.push(recordsOf(batch));
  }

  async #deadLetter(record: RawRecord, reasonCode: string, detail: string | null): Promise<void> {
    const reason = { service: this.#options.connection.clientId, reasonCode, detail, at: Date.now() };
    await this.#options.producer.produce([deadLetterOf(record, reason)]);
  }

  #resume(assigned: readonly TopicPartition[]): void {
    for (const { topic, partition } of assigned) this.#consumer.resume([{ topic, partitions: [partition] }]);
  }
}

function nameOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

function topicPartitionsOf(memberAssignment: Record<string, number[]>): TopicPartition[] {
  return Object.entries(memberAssignment).flatMap(([topic, partitions]) =>
    partitions.map((partition) => ({ topic: topic as TopicName, partition })),
  );
}

function recordsOf(batch: Batch): FetchedRecord[] {
  return batch.messages.map((message) => ({
    topic: batch.topic as TopicName,
    partition: batch.partition,
    offset: Number(message.offset),
    writtenAt: Number(message.timestamp),
    key: message.key,
    value: message.value,
    headers: Object.fromEntries(
      Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value ?? '')]),
    ),
  }));
}
