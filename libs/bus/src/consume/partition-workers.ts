/** The workers of the partitions a group's member owns now: begun at every assignment, given up at every loss. */
import type { TopicName } from '@tributary/contracts';
import { type GroupStatus, type Logger, withTraceHeaders } from '@tributary/runtime';
import { deadLetterOf, type RawRecord } from '../dead-letters.ts';
import {
  type AssignmentListener,
  type BatchHandler,
  type EventProducer,
  nameOf,
  type SchemaSource,
  type TopicPartition,
} from '../records.ts';
import { within } from '../within.ts';
import { type FetchedRecord, PartitionWorker } from './partition-worker.ts';

/** What a consumer group needs besides its client. */
export interface WorkOptions {
  /** Handler by topic; the group subscribes to exactly these. */
  readonly handlers: ReadonlyMap<TopicName, BatchHandler>;
  /** Takes dead letters. */
  readonly producer: EventProducer;
  readonly assignment?: AssignmentListener | undefined;
  readonly schemas?: SchemaSource | undefined;
  readonly maxBatch?: number | undefined;
  /** A call of a handler, or the preparing of an assignment, that takes longer ends the process. */
  readonly handlerLimitMs?: number | undefined;
  /** The consumer is beyond repair: the process must end, a service that no longer reads must not look healthy. */
  readonly onFatal: (error: Error) => void;
}

/** What the workers ask of the client; it may forget a partition that is no longer owned. */
export interface Transport {
  commit(place: TopicPartition, nextOffset: number): Promise<void>;
  /** Stops or resumes fetching. */
  pause(place: TopicPartition, isPaused: boolean): void;
}

const DEFAULT_MAX_BATCH = 500;
/**
 * Four times the longest call we know to be at work, fan-out's: 30 s for the configuration, 30 s for ClickHouse, 10 s
 * (DELIVERY_TIMEOUT_MS) for attempts that take so long by our own lag: 70 s.
 */
const DEFAULT_HANDLER_LIMIT_MS = 300_000;
const ASSIGNMENT_RETRY_MS = 500;

export class PartitionWorkers {
  readonly #options: WorkOptions & { readonly service: string; readonly logger: Logger };
  readonly #transport: Transport;
  #workers = new Map<string, PartitionWorker>();
  /** Workers given up that still finish what they had in hand; their successors wait for them. */
  readonly #retiring = new Map<string, Promise<void>>();
  #generation = 0;
  #prepared: Promise<void> = Promise.resolve();

  constructor(
    options: WorkOptions & { readonly service: string; readonly logger: Logger },
    transport: Transport,
  ) {
    this.#options = options;
    this.#transport = transport;
  }

  /** Exactly these partitions are owned from now on, read again from their committed offsets. */
  begin(assigned: readonly TopicPartition[]): void {
    this.lose();
    const generation = this.#generation;
    // One preparation at a time: a listener never fills its state for an assignment that is over.
    const prepared = this.#prepared.then(() => this.#prepare(assigned, generation));
    this.#prepared = prepared;
    for (const place of assigned) {
      const worker = this.#workerFor(place, prepared);
      worker.ended.catch((error: Error) => this.#options.onFatal(error));
      this.#workers.set(nameOf(place), worker);
    }
    this.#options.logger.info({ partitions: assigned.length }, 'partitions.assigned');
  }

  /** Nothing is owned any more: what waits is dropped, what is in hand is finished and not committed. */
  lose(): void {
    this.#generation += 1;
    for (const [name, worker] of this.#workers) {
      const ended = Promise.all([this.#retiring.get(name), worker.retire()]).then(
        () => undefined,
        () => undefined,
      );
      this.#retiring.set(name, ended);
    }
    this.#workers = new Map();
  }

  /** @param highWatermark the offset after the last record of the partition. */
  push(place: TopicPartition, records: readonly FetchedRecord[], highWatermark: number): void {
    this.#workers.get(nameOf(place))?.push(records, highWatermark);
  }

  /** Finishes what is in hand and commits it, and has the listener finish what it has let go. */
  async drain(): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker.drain()));
    await Promise.all(this.#retiring.values());
    await this.#options.assignment?.drained?.();
    this.lose();
  }

  get status(): Omit<GroupStatus, 'isMember'> {
    const workers = [...this.#workers.values()].map(({ status }) => status);
    return {
      assigned: workers.length,
      prepared: workers.filter(({ isPrepared }) => isPrepared).length,
      lag: workers.reduce((sum, { lag }) => sum + lag, 0),
      isStalled: workers.some(({ isStalled }) => isStalled),
    };
  }

  async #prepare(assigned: readonly TopicPartition[], generation: number): Promise<void> {
    const { assignment, handlerLimitMs = DEFAULT_HANDLER_LIMIT_MS, logger, onFatal } = this.#options;
    while (assignment && generation === this.#generation) {
      const preparing = assignment.assigned(assigned).then(
        () => true,
        (error: unknown) => {
          logger.warn({ err: error }, 'assignment.not_ready');
          return false;
        },
      );
      const isReady = await within(handlerLimitMs, 'preparing an assignment', preparing).catch(
        (late: Error) => {
          onFatal(late);
          return preparing;
        },
      );
      if (isReady) return;
      await new Promise((resolve) => setTimeout(resolve, ASSIGNMENT_RETRY_MS));
    }
  }

  #workerFor(place: TopicPartition, prepared: Promise<void>): PartitionWorker {
    const { handlers, logger, maxBatch, handlerLimitMs, schemas, onFatal } = this.#options;
    const handle = handlers.get(place.topic);
    if (handle === undefined)
      throw new Error(`nobody handles ${place.topic}, and its records would be skipped`);
    const generation = this.#generation;
    const previous = this.#retiring.get(nameOf(place));
    return new PartitionWorker({
      topic: place.topic,
      partition: place.partition,
      ready: Promise.all([prepared, previous]).then(() => undefined),
      handle,
      deadLetter: (record, reasonCode, detail) => this.#deadLetter(record, reasonCode, detail),
      commit: async (nextOffset) => {
        if (generation === this.#generation) await this.#transport.commit(place, nextOffset);
      },
      onPressure: (isFull) => {
        if (generation === this.#generation) this.#transport.pause(place, isFull);
      },
      onFatal,
      logger,
      maxBatch: maxBatch ?? DEFAULT_MAX_BATCH,
      handlerLimitMs: handlerLimitMs ?? DEFAULT_HANDLER_LIMIT_MS,
      schemas,
    });
  }

  async #deadLetter(record: RawRecord, reasonCode: string, detail: string | null): Promise<void> {
    const reason = { service: this.#options.service, reasonCode, detail, at: Date.now() };
    // The letter belongs to the trace of its record.
    const letter = withTraceHeaders(record.headers, () => deadLetterOf(record, reason));
    await this.#options.producer.produce([letter]);
  }
}
