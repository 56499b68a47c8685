/** Works the records of one partition in order, apart from the client's fetch loop: long work stops neither heartbeats nor other partitions. */
import { decodeEvent, type TopicName } from '@tributary/contracts';
import { DependencyFailure, type Logger } from '@tributary/runtime';
import { busMetrics } from '../bus-metrics.ts';
import type { RawRecord } from '../dead-letters.ts';
import type { BatchHandler, IncomingEvent, SchemaSource } from '../records.ts';

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
  /** A handler that never answers, or answers no number: the process must end, and nothing more is committed here. */
  readonly onFatal: (error: Error) => void;
  readonly logger: Logger;
  readonly maxBatch: number;
  readonly handlerLimitMs: number;
  /** Without one, a record of an unknown schema is set aside at once. */
  readonly schemas?: SchemaSource | undefined;
}

export interface FetchedRecord extends RawRecord {
  readonly writtenAt: number;
}

export interface WorkerStatus {
  readonly isPrepared: boolean;
  readonly lag: number;
  readonly isStalled: boolean;
}

interface Answer {
  readonly done: number;
  readonly resumeAt?: number;
}

/** Fetching stops while more batches than this wait. */
const QUEUE_BATCHES = 4;
/** A handler that throws (a defect, not an outage) is tried this often before the batch is halved, and a single record set aside. */
const DEFECT_TRIES = 3;
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;
/** A handler that does nothing again and again is asked again after 10 ms, doubling to one second: it must not spin. */
const FIRST_IDLE_MS = 10;
const MAX_IDLE_MS = 1_000;
/**
 * Twice the longest wait of our handlers for something else: 30 s for the configuration. The longest batch known to be at
 * work (DEFAULT_HANDLER_LIMIT_MS) may show as stalled towards its end: a destination that never answers is worth a look.
 */
const STALL_AFTER_MS = 60_000;

export class PartitionWorker {
  readonly #options: PartitionWorkerOptions;
  readonly #queue: FetchedRecord[] = [];
  readonly #abort = new AbortController();
  #wake: (() => void) | undefined;
  #leave: (() => void) | undefined;
  #isFull = false;
  #draining = false;
  #isPrepared = false;
  /** Waiting for an outage to end or for an instant, so no progress is no fault. */
  #isWaiting = false;
  #idleMs = 0;
  #highWatermark = 0;
  #nextOffset: number | undefined;
  #lastFetched = -1;
  #progressAt = performance.now();
  /** Rejects only by a defect of the worker itself. */
  readonly ended: Promise<void>;

  constructor(options: PartitionWorkerOptions) {
    this.#options = options;
    this.ended = this.#run();
  }

  /** @param highWatermark the offset after the last record of the partition, as the broker told with these. */
  push(records: readonly FetchedRecord[], highWatermark: number): void {
    const [first] = records;
    if (this.#abort.signal.aborted || first === undefined) return;
    if (!this.#isBusy) this.#progressAt = performance.now();
    this.#nextOffset ??= first.offset;
    this.#lastFetched = records.at(-1)?.offset ?? this.#lastFetched;
    this.#highWatermark = highWatermark;
    this.#queue.push(...records);
    this.#tellLag();
    if (!this.#isFull && this.#queue.length > QUEUE_BATCHES * this.#options.maxBatch) this.#setFull(true);
    this.#wake?.();
  }

  /** Gives the partition up: what waits is dropped (it was never committed), what is in hand is finished and not committed. */
  retire(): Promise<void> {
    this.#abort.abort();
    this.#queue.length = 0;
    this.#leave?.();
    this.#wake?.();
    busMetrics.lag.remove(this.#labels());
    return this.ended;
  }

  /** Finishes and commits what is in hand, then ends. */
  drain(): Promise<void> {
    this.#draining = true;
    return this.retire();
  }

  get status(): WorkerStatus {
    const sinceMs = performance.now() - this.#progressAt;
    const isStalled = this.#isPrepared && !this.#isWaiting && this.#isBusy && sinceMs > STALL_AFTER_MS;
    return { isPrepared: this.#isPrepared, lag: this.#lag, isStalled };
  }

  /** Something fetched is not done. Lag alone may be what no consumer sees: control records of a foreign transaction. */
  get #isBusy(): boolean {
    return this.#lastFetched >= (this.#nextOffset ?? 0);
  }

  get #lag(): number {
    return this.#nextOffset === undefined ? 0 : Math.max(0, this.#highWatermark - this.#nextOffset);
  }

  async #run(): Promise<void> {
    // One that is given up before its turn has nothing in hand, so its successor need not wait for the same things.
    const givenUp = new Promise<void>((resolve) => {
      this.#leave = resolve;
    });
    await Promise.race([this.#options.ready, givenUp]);
    this.#isPrepared = !this.#abort.signal.aborted;
    this.#progressAt = performance.now();
    while (!this.#abort.signal.aborted) {
      const batch = await this.#next();
      if (batch.length === 0) continue;
      const { done, resumeAt } = await this.#work(batch);
      this.#queue.unshift(...batch.slice(done));
      if (this.#isFull && this.#queue.length <= this.#options.maxBatch) this.#setFull(false);
      if (done > 0) await this.#finish(batch, done);
      await this.#rest(done, resumeAt);
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

  async #finish(batch: readonly FetchedRecord[], done: number): Promise<void> {
    const last = batch[done - 1];
    if (last === undefined) return;
    this.#nextOffset = last.offset + 1;
    this.#progressAt = performance.now();
    busMetrics.recordsConsumed.inc({ topic: this.#options.topic }, done);
    if (!this.#abort.signal.aborted) this.#tellLag();
    else if (!this.#draining) return;
    try {
      await this.#options.commit(this.#nextOffset);
    } catch (error) {
      // The records come again after the rebalance that refused this commit; ids make the repeat harmless.
      busMetrics.commitsRefused.inc({ topic: this.#options.topic });
      this.#options.logger.warn({ ...this.#place(), err: error }, 'commit.refused');
    }
  }

  /** Until the instant a handler named, and never at once after it did nothing. */
  async #rest(done: number, resumeAt: number | undefined): Promise<void> {
    this.#idleMs = done > 0 ? 0 : Math.min(Math.max(this.#idleMs * 2, FIRST_IDLE_MS), MAX_IDLE_MS);
    if (resumeAt === undefined) {
      if (done === 0) await this.#pause(this.#idleMs);
      return;
    }
    this.#isWaiting = true;
    if (resumeAt <= Date.now() && done === 0) await this.#pause(this.#idleMs);
    // In pieces, so that a clock that is set makes nobody oversleep.
    for (let restMs = resumeAt - Date.now(); restMs > 0; restMs = resumeAt - Date.now()) {
      this.#idleMs = 0;
      await this.#pause(Math.min(restMs, MAX_IDLE_MS));
      if (this.#abort.signal.aborted) break;
    }
    this.#goOn();
  }

  /** Works a batch up to the first record nobody can read, or sets that one aside; answers how many from the start are done. */
  async #work(batch: readonly FetchedRecord[]): Promise<Answer> {
    const events: IncomingEvent[] = [];
    for (const record of batch) {
      const decoded = decodeEvent(record.topic, record.value);
      if (decoded.ok) events.push(incoming(record, decoded.value));
      else if (events.length > 0) break;
      else if (decoded.problem === 'unknown_schema_id') return this.#learn(record);
      else return { done: (await this.#setAside(record, decoded.problem, null)) ? 1 : 0 };
    }
    if (this.#abort.signal.aborted && !this.#draining) return { done: 0 };
    return this.#handle(events, batch);
  }

  /** Asks what the schema of a record is: it can be read then, or is set aside, or waits while nobody answers. */
  async #learn(record: FetchedRecord): Promise<Answer> {
    const { schemas } = this.#options;
    const id = record.value?.readInt32BE(1);
    if (schemas && id !== undefined) await this.#untilAnswered(() => schemas.learn(id), 'schema.unavailable');
    if (this.#abort.signal.aborted) return { done: 0 };
    const decoded = decodeEvent(record.topic, record.value);
    if (decoded.ok) return this.#handle([incoming(record, decoded.value)], [record]);
    return { done: (await this.#setAside(record, decoded.problem, null)) ? 1 : 0 };
  }

  async #handle(events: readonly IncomingEvent[], batch: readonly FetchedRecord[]): Promise<Answer> {
    let defects = 0;
    for (let backoffMs = FIRST_BACKOFF_MS; ; backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS)) {
      try {
        return await this.#ask(events);
      } catch (error) {
        if (this.#abort.signal.aborted) return { done: 0 };
        const isOutage = error instanceof DependencyFailure;
        this.#options.logger.warn({ ...this.#place(), err: error, isOutage, backoffMs }, 'batch.failed');
        if (!isOutage && ++defects >= DEFECT_TRIES) return this.#isolate(events, batch, error);
        this.#isWaiting = isOutage;
        await this.#pause(backoffMs);
        if (this.#abort.signal.aborted) return { done: 0 };
      }
    }
  }

  /** One call of the handler, watched: one that never answers would keep its partition for ever behind a green health. */
  async #ask(events: readonly IncomingEvent[]): Promise<Answer> {
    const { topic, partition, handle, handlerLimitMs } = this.#options;
    const endTimer = busMetrics.batchSeconds.startTimer({ topic });
    const watchdog = setTimeout(() => {
      this.#giveUp(
        new Error(`the handler of ${topic}/${partition} has not answered for ${handlerLimitMs} ms`),
      );
    }, handlerLimitMs);
    try {
      const answer: unknown = await handle({ topic, partition, events, signal: this.#abort.signal });
      this.#goOn();
      const understood = understand(answer, events.length);
      if (understood !== undefined) return understood;
      // A handler that forgets to wait for its work, or a filter that swallows its error: nothing says the work was done.
      this.#giveUp(new Error(`the handler of ${topic} answered no number of its ${events.length} events`));
      return { done: 0 };
    } finally {
      clearTimeout(watchdog);
      endTimer();
    }
  }

  /** Finds the record a handler cannot take by halving; only that one is set aside. */
  async #isolate(
    events: readonly IncomingEvent[],
    batch: readonly FetchedRecord[],
    error: unknown,
  ): Promise<Answer> {
    const [only, second] = events;
    if (only === undefined) return { done: 0 };
    if (second === undefined) {
      const record = batch.find(({ offset }) => offset === only.offset);
      // The type only: a message may quote personal values of the event.
      const detail = error instanceof Error ? error.name : 'unknown';
      return { done: record && (await this.#setAside(record, 'handler_failed', detail)) ? 1 : 0 };
    }
    const middle = Math.ceil(events.length / 2);
    const first = await this.#handle(events.slice(0, middle), batch);
    if (first.done < middle) return first;
    const rest = await this.#handle(events.slice(middle), batch);
    return { ...rest, done: middle + rest.done };
  }

  /** False when the partition was given up first: the record is then not done, and comes again. */
  async #setAside(record: FetchedRecord, reasonCode: string, detail: string | null): Promise<boolean> {
    const isDone = await this.#untilAnswered(async () => {
      await this.#options.deadLetter(record, reasonCode, detail);
      return true;
    }, 'dead_letter.unavailable');
    if (isDone === undefined) return false;
    busMetrics.deadLetters.inc({ topic: this.#options.topic, reason: reasonCode });
    this.#options.logger.error(
      { ...this.#place(), offset: record.offset, reasonCode },
      'record.dead_lettered',
    );
    return true;
  }

  /** Repeats a call while its dependency is away; undefined when the partition was given up first. */
  async #untilAnswered<T>(call: () => Promise<T>, outage: string): Promise<T | undefined> {
    let backoffMs = FIRST_BACKOFF_MS;
    while (!this.#abort.signal.aborted) {
      try {
        const answer = await call();
        this.#goOn();
        return answer;
      } catch (error) {
        if (!(error instanceof DependencyFailure)) throw error;
        this.#options.logger.warn({ ...this.#place(), err: error, backoffMs }, outage);
        this.#isWaiting = true;
        await this.#pause(backoffMs);
        backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS);
      }
    }
    return undefined;
  }

  #goOn(): void {
    if (this.#isWaiting) this.#progressAt = performance.now();
    this.#isWaiting = false;
  }

  #giveUp(error: Error): void {
    this.#draining = false;
    this.#abort.abort();
    this.#options.onFatal(error);
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#abort;
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      if (signal.aborted) return resolve();
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done);
    });
  }

  #setFull(isFull: boolean): void {
    this.#isFull = isFull;
    this.#options.onPressure(isFull);
  }

  #tellLag(): void {
    busMetrics.lag.set(this.#labels(), this.#lag);
  }

  #labels(): { topic: string; partition: string } {
    return { topic: this.#options.topic, partition: String(this.#options.partition) };
  }

  #place(): { topic: string; partition: number } {
    return { topic: this.#options.topic, partition: this.#options.partition };
  }
}

function understand(answer: unknown, events: number): Answer | undefined {
  const whole = typeof answer === 'number' ? { done: answer } : (answer as Answer | null | undefined);
  const isNumber = Number.isInteger(whole?.done) && (whole?.done ?? -1) >= 0;
  const isInstant = whole?.resumeAt === undefined || Number.isFinite(whole.resumeAt);
  return whole && isNumber && isInstant ? { ...whole, done: Math.min(whole.done, events) } : undefined;
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
