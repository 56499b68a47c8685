/** The producer of the edge: into Kafka, or, while Kafka does not answer, into the spool, which is drained when it does again. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  assertWritable,
  type EventProducer,
  type OutgoingRecord,
  type RecordPosition,
  UnsentFailure,
} from '@tributary/bus';
import { DependencyFailure, type FailureCode, type Logger } from '@tributary/runtime';
import type { SafeProducer } from './safe-producer.ts';
import type { Spool, SpooledRecord } from './spool.ts';
import { spoolMetrics } from './spool-metrics.ts';

export interface SpoolingProducerOptions {
  readonly kafka: EventProducer;
  readonly spool: Spool;
  /** Resolves when Kafka answers; asked while it is away. */
  ping(): Promise<void>;
  readonly logger: Logger;
  readonly limits?: Partial<SpoolingLimits>;
}

export interface SpoolingLimits {
  /**
   * How long Kafka may acknowledge nothing before calls go to the spool; only calls in the first moment of an outage wait so
   * long. Not how long one call may take: behind large batches it waits its turn.
   */
  readonly patienceMs: number;
  /** What is left of a call's deadline for the spool. */
  readonly spoolMs: number;
  /** Between two questions whether Kafka is back. */
  readonly pauseMs: number;
  /** How long Kafka may take for a batch out of the spool. */
  readonly drainDeadlineMs: number;
}

/**
 * A healthy Kafka answers within some 20 ms, and postbacks are to be answered within 250 ms in an outage, the sync of the
 * spool included.
 */
const LIMITS: SpoolingLimits = { patienceMs: 150, spoolMs: 1_000, pauseMs: 250, drainDeadlineMs: 10_000 };
const DEFAULT_DEADLINE_MS = 5_000;
/** A batch out of the spool: large enough to be quick, small enough that live calls beside it do not wait. */
const DRAIN_RECORDS = 500;
const DRAIN_BYTES = 800_000;
/** How long closing goes on draining while Kafka answers; the rest is drained at the next start. */
const CLOSE_DRAIN_MS = 8_000;
const CLOSE_BATCH_MS = 1_000;

export class SpoolingProducer implements SafeProducer {
  readonly #options: SpoolingProducerOptions;
  readonly #limits: SpoolingLimits;
  readonly #stop = new AbortController();
  /** Kafka gave no answer; cleared only when something that was waiting got through. */
  #isAway = false;
  /** Records given up with Kafka since it was last there, while it may have stored them. */
  #ambiguous = 0;
  #working: Promise<void> | undefined;

  constructor(options: SpoolingProducerOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
  }

  /** Whether calls go to the spool at once. */
  get isAway(): boolean {
    return this.#isAway;
  }

  /** Drains what an earlier process has left. */
  start(): void {
    this.observe();
    if (!this.#options.spool.isEmpty) this.#work();
  }

  async produce(
    records: readonly OutgoingRecord[],
    deadlineMs = DEFAULT_DEADLINE_MS,
  ): Promise<readonly (RecordPosition | null)[]> {
    if (this.#isAway) return this.#spool(records, deadlineMs);
    const { kafka, spool } = this.#options;
    // Where the spool could not take over, Kafka has all the time there is.
    const startedAt = performance.now();
    const { patienceMs, spoolMs } = this.#limits;
    const [kafkaMs, silenceMs] = spool.hasRoom
      ? [Math.max(patienceMs, deadlineMs - spoolMs), patienceMs]
      : [deadlineMs, deadlineMs];
    try {
      return await kafka.produce(records, kafkaMs, silenceMs);
    } catch (error) {
      if (!(error instanceof DependencyFailure)) throw error;
      this.#lostSightOf(records.length, error);
      return this.#spool(records, deadlineMs - (performance.now() - startedAt));
    }
  }

  /**
   * Goes on draining for a while if Kafka answers, then closes the spool; call it when nothing new comes.
   * @param closeKafka ends what is still under way with Kafka: it fails, and goes to the spool.
   */
  async close(closeKafka: () => Promise<void>): Promise<void> {
    const givenUpAt = performance.now() + CLOSE_DRAIN_MS;
    while (!this.#isAway && this.#working !== undefined && performance.now() < givenUpAt) await delay(20);
    this.#stop.abort();
    await closeKafka();
    // A batch that Kafka still has in hand stays in the spool.
    await Promise.race([this.#working, delay(CLOSE_BATCH_MS)]);
    await this.#options.spool.close();
  }

  /** Brings the gauges up to date. */
  observe(): void {
    const { records, bytes, oldestAt, damaged } = this.#options.spool.status();
    spoolMetrics.records.set(records);
    spoolMetrics.bytes.set(bytes);
    spoolMetrics.damaged.set(damaged);
    spoolMetrics.oldestSeconds.set(oldestAt === null ? 0 : Math.max(0, Date.now() - oldestAt) / 1_000);
  }

  async #spool(records: readonly OutgoingRecord[], deadlineMs: number): Promise<readonly null[]> {
    assertWritable(records);
    try {
      await inTime(this.#options.spool.append(records), deadlineMs);
    } catch (error) {
      spoolMetrics.refused.inc({ code: codeOf(error) }, records.length);
      throw error;
    }
    spoolMetrics.spooled.inc(records.length);
    this.#work();
    return records.map(() => null);
  }

  #lostSightOf(records: number, error: DependencyFailure): void {
    if (!(error instanceof UnsentFailure)) {
      spoolMetrics.ambiguous.inc(records);
      this.#ambiguous += records;
    }
    if (this.#isAway) return;
    this.#isAway = true;
    this.#options.logger.error({ err: error }, 'spool.kafka_away');
    this.#work();
  }

  #caughtSight(): void {
    this.#options.logger.warn({ ambiguous: this.#ambiguous }, 'spool.kafka_back');
    this.#isAway = false;
    this.#ambiguous = 0;
  }

  #work(): void {
    if (this.#stop.signal.aborted) return;
    this.#working ??= this.#drain().finally(() => {
      this.#working = undefined;
      if (this.#stop.signal.aborted) return;
      this.observe();
      // What was spooled while the last look found nothing.
      if (this.#isAway || !this.#options.spool.isEmpty) this.#work();
    });
  }

  /** Until Kafka is there and the spool is empty, or the process stops. */
  async #drain(): Promise<void> {
    const { logger, spool } = this.#options;
    let drained = 0;
    while (!this.#stop.signal.aborted && (this.#isAway || !spool.isEmpty)) {
      this.observe();
      try {
        const records = await this.#drainOnce();
        if (records === null) await this.#pause();
        else drained += records;
      } catch (error) {
        if (!(error instanceof DependencyFailure)) throw error;
        logger.error({ err: error }, 'spool.drain_failed');
        await this.#pause();
      }
    }
    if (drained > 0) logger.info({ records: drained }, 'spool.drained');
  }

  /** @returns how many records Kafka has acknowledged; null while it takes none. @throws DependencyFailure of the disk. */
  async #drainOnce(): Promise<number | null> {
    const { spool } = this.#options;
    if (this.#isAway && !(await this.#answersPing())) return null;
    const batch = await spool.oldest(DRAIN_RECORDS, DRAIN_BYTES);
    if (batch.length > 0 && !(await this.#produceOut(batch))) return null;
    if (this.#isAway) this.#caughtSight();
    return batch.length;
  }

  async #answersPing(): Promise<boolean> {
    return this.#options.ping().then(
      () => true,
      () => false,
    );
  }

  /** @returns whether Kafka has acknowledged the batch; it is forgotten only then. */
  async #produceOut(batch: readonly SpooledRecord[]): Promise<boolean> {
    const { kafka, logger, spool } = this.#options;
    try {
      await kafka.produce(
        batch.map(({ record }) => record),
        this.#limits.drainDeadlineMs,
      );
    } catch (error) {
      if (error instanceof DependencyFailure) this.#lostSightOf(batch.length, error);
      else await this.#findRefused(batch, error);
      return false;
    }
    spoolMetrics.drained.inc(batch.length);
    // Forgotten before anything else is read: they would be sent again.
    while (!this.#stop.signal.aborted) {
      try {
        await spool.remove(batch);
        break;
      } catch (error) {
        logger.error({ err: error }, 'spool.remove_failed');
        await this.#pause();
      }
    }
    return true;
  }

  /** A record that the bus refuses as it is would hold up all behind it. */
  async #findRefused(batch: readonly SpooledRecord[], error: unknown): Promise<void> {
    const { logger, spool } = this.#options;
    const [first] = batch;
    if (batch.length > 1) for (const each of batch) await this.#produceOut([each]);
    else if (first !== undefined) {
      logger.error({ err: error, sequence: first.sequence }, 'spool.set_aside');
      await spool.setAside([first.sequence]);
    }
  }

  async #pause(): Promise<void> {
    await delay(this.#limits.pauseMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}

function codeOf(error: unknown): FailureCode | 'defect' {
  return error instanceof DependencyFailure ? error.code : 'defect';
}

/** @throws DependencyFailure `spool_deadline` when the disk takes longer. */
async function inTime(appended: Promise<void>, deadlineMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const failure = () =>
      new DependencyFailure('spool_deadline', 'the spool was not synced before the deadline');
    timer = setTimeout(() => reject(failure()), Math.max(0, deadlineMs));
  });
  try {
    await Promise.race([appended, late]);
  } finally {
    clearTimeout(timer);
  }
}
