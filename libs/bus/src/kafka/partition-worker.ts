/** Works the records of one partition in order, apart from kafkajs's fetch loop: long work stops neither heartbeats nor other partitions. */
import { decodeEvent, type TopicName } from '@tributary/contracts';
import { DependencyFailure, type Logger } from '@tributary/runtime';
import type { RawRecord } from '../dead-letters.ts';
import type { BatchHandler, IncomingEvent } from '../records.ts';

export interface PartitionWorkerOptions {
  readonly topic: TopicName;
  readonly partition: number;
  /** Nothing is handled before it resolves: the assignment is prepared and the previous worker has ended. */
  readonly ready: Promise<void>;
  readonly handle: BatchHandler;
  /** Sets a record aside. @throws DependencyFailure */
  readonly deadLetter: (record: RawRecord, reasonCode: string, detail: string | null) => Promise<void>;
  /** Commits the next offset to read. */
  readonly commit: (nextOffset: number) => Promise<void>;
  /** Called with true when the queue is long enough to stop fetching, with false when it has drained. */
  readonly onPressure: (isFull: boolean) => void;
  readonly logger: Logger;
  readonly maxBatch: number;
}

export interface FetchedRecord extends RawRecord {
  readonly writtenAt: number;
}

/** Fetching stops while more batches than this wait. */
const QUEUE_BATCHES = 4;
/** A handler that throws (a defect, not an outage) is tried this often before the batch is halved, and a single record set aside. */
const DEFECT_TRIES = 3;
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;

export class PartitionWorker {
  readonly #options: PartitionWorkerOptions;
  readonly #queue: FetchedRecord[] = [];
  readonly #abort = new AbortController();
  #wake: (() => void) | undefined;
  #isFull = false;
  #draining = false;
  readonly #ended: Promise<void>;

  constructor(options: PartitionWorkerOptions) {
    this.#options = options;
    this.#ended = this.#run();
  }

  push(records: readonly FetchedRecord[]): void {
    if (this.#abort.signal.aborted) return;
    this.#queue.push(...records);
    if (!this.#isFull && this.#queue.length > QUEUE_BATCHES * this.#options.maxBatch) this.#setFull(true);
    this.#wake?.();
  }

  /** Gives the partition up: what waits is dropped (it was never committed), what is in hand is finished and not committed. */
  retire(): Promise<void> {
    this.#abort.abort();
    this.#queue.length = 0;
    this.#wake?.();
    return this.#ended;
  }

  /** Finishes and commits what is in hand, then ends. */
  drain(): Promise<void> {
    this.#draining = true;
    return this.retire();
  }

  async #run(): Promise<void> {
    await this.#options.ready;
    while (!this.#abort.signal.aborted) {
      const batch = await this.#next();
      if (batch.length === 0) continue;
      const done = await this.#work(batch);
      this.#queue.unshift(...batch.slice(done));
      if (this.#isFull && this.#queue.length <= this.#options.maxBatch) this.#setFull(false);
      if (done > 0) await this.#commit(batch, done);
      if (this.#abort.signal.aborted) this.#queue.length = 0;
    }
  }

  async #next(): Promise<readonly FetchedRecord[]> {
    if (this.#queue.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    return this.#queue.splice(0, this.#options.maxBatch);
  }

  async #commit(batch: readonly FetchedRecord[], done: number): Promise<void> {
    const last = batch[done - 1];
    if (last === undefined || (this.#abort.signal.aborted && !this.#draining)) return;
    try {
      await this.#options.commit(last.offset + 1);
    } catch (error) {
      // The records come again after the rebalance that refused this commit; ids make the repeat harmless.
      this.#options.logger.warn({ ...this.#place(), err: error }, 'commit.refused');
    }
  }

  /** Works a batch until all of it is handled or set aside; answers how many records from its start are done. */
  async #work(batch: readonly FetchedRecord[]): Promise<number> {
    const events: IncomingEvent[] = [];
    for (const record of batch) {
      const decoded = decodeEvent(record.topic, record.value);
      if (decoded.ok) events.push(incoming(record, decoded.value));
      else if (!(await this.#setAside(record, decoded.problem, null))) return 0;
    }
    if (this.#abort.signal.aborted && !this.#draining) return 0;
    const handled = await this.#handle(events, batch);
    if (handled >= events.length) return batch.length;
    const next = events[handled];
    return batch.findIndex(({ offset }) => offset === next?.offset);
  }

  async #handle(events: readonly IncomingEvent[], batch: readonly FetchedRecord[]): Promise<number> {
    if (events.length === 0) return 0;
    let defects = 0;
    for (let backoffMs = FIRST_BACKOFF_MS; ; backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS)) {
      try {
        const { topic, partition } = this.#options;
        return await this.#options.handle({ topic, partition, events, signal: this.#abort.signal });
      } catch (error) {
        if (this.#abort.signal.aborted) return 0;
        const isOutage = error instanceof DependencyFailure;
        this.#options.logger.warn({ ...this.#place(), err: error, isOutage, backoffMs }, 'batch.failed');
        if (!isOutage && ++defects >= DEFECT_TRIES) return this.#isolate(events, batch, error);
        await this.#pause(backoffMs);
        if (this.#abort.signal.aborted) return 0;
      }
    }
  }

  /** Finds the record a handler cannot take by halving; only that one is set aside. */
  async #isolate(
    events: readonly IncomingEvent[],
    batch: readonly FetchedRecord[],
    error: unknown,
  ): Promise<number> {
    const [only, second] = events;
    if (only === undefined) return 0;
    if (second === undefined) {
      const record = batch.find(({ offset }) => offset === only.offset);
      // The type only: a message may quote personal values of the event.
      const detail = error instanceof Error ? error.name : 'unknown';
      return record && (await this.#setAside(record, 'handler_failed', detail)) ? 1 : 0;
    }
    const middle = Math.ceil(events.length / 2);
    const first = await this.#handle(events.slice(0, middle), batch);
    if (first < middle) return first;
    return middle + (await this.#handle(events.slice(middle), batch));
  }

  /** False when the partition was given up first: the record is then not done, and comes again. */
  async #setAside(record: FetchedRecord, reasonCode: string, detail: string | null): Promise<boolean> {
    for (
      let backoffMs = FIRST_BACKOFF_MS;
      !this.#abort.signal.aborted;
      backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS)
    ) {
      try {
        await this.#options.deadLetter(record, reasonCode, detail);
        this.#options.logger.error(
          { ...this.#place(), offset: record.offset, reasonCode },
          'record.dead_lettered',
        );
        return true;
      } catch (error) {
        if (!(error instanceof DependencyFailure)) throw error;
        await this.#pause(backoffMs);
      }
    }
    return false;
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#abort;
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done);
    });
  }

  #setFull(isFull: boolean): void {
    this.#isFull = isFull;
    this.#options.onPressure(isFull);
  }

  #place(): { topic: string; partition: number } {
    return { topic: this.#options.topic, partition: this.#options.partition };
  }
}

function incoming(record: FetchedRecord, event: IncomingEvent['event']): IncomingEvent {
  return {
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    key: record.key?.toString('utf8') ?? '',
    writtenAt: record.writtenAt,
    event,
    value: record.value ?? Buffer.alloc(0),
    headers: record.headers,
  };
}
