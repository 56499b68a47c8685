/** Carries runs of replays out: orders at their rate, a step on record every few seconds, and never far ahead of what fan-out has done. */
import { setTimeout as delay } from 'node:timers/promises';
import { type EventProducer, type OutgoingRecord, outgoing } from '@tributary/bus';
import type { ReplayRecorded } from '@tributary/contracts';
import { deterministicUuid, isReplayable, REPLAY_ORDER_LIFE_MS } from '@tributary/domain';
import { type Clock, DependencyFailure, type Logger } from '@tributary/runtime';
import type { DeliveryStore, ReplayRun, ReplayStore, StoredOffsets } from '@tributary/store';
import type { AppraisedLetter, LetterAppraiser, LetterPage } from './appraised-letters.ts';
import { type LetterFilter, readFilter } from './letter-filter.ts';

export interface ReplayRunnerOptions {
  readonly runs: Pick<ReplayStore, 'unfinished'>;
  readonly appraiser: Pick<LetterAppraiser, 'page'>;
  readonly deliveries: Pick<DeliveryStore, 'holdingsOf'>;
  readonly producer: Pick<EventProducer, 'produce'>;
  readonly offsets: Pick<StoredOffsets, 'endOf' | 'waitFor'>;
  readonly instanceId: string;
  readonly configurationVersion: () => number;
  readonly clock: Clock;
  readonly logger: Logger;
}

const ORDERS = 'delivery.commanded.v1';
const EVERY_MS = 1_000;
/** ClickHouse further behind than this with the orders is an outage; the end of the run is then told later. */
const SHOWN_WITHIN_MS = 5_000;
/** A run of which another process has told nothing for so long is taken over. */
const ABANDONED_MS = 15_000;
/** A step is on record at least so often. */
const TELL_EVERY_MS = 5_000;
/** Orders that fan-out has not begun with, in seconds of the rate: what a stop can no longer hold back. */
const AHEAD_SECONDS = 10;
/**
 * After that fan-out does not begin with an order any more, though its clock may be somewhat behind. Were it further behind, an
 * order could be given anew while it still counts, which sends nothing twice: both expect the same attempt.
 */
const LAPSED_MS = REPLAY_ORDER_LIFE_MS + 30_000;
const PAGE = 500;
/** Pages in which nothing is to be ordered use up no rate, but the process has other work too. */
const PAGES_AT_ONCE = 20;

interface Order {
  readonly conversionId: string;
  readonly expectedAttempt: number;
  readonly issuedAt: number;
}

/** The dead letters read from the first one on. What has lapsed is ordered again in the next pass. */
interface Pass {
  afterId: string | null;
  /** What is read for the first time is counted. */
  readonly isFirst: boolean;
  isRead: boolean;
  /** Whether fan-out has not begun with every order of it, as far as is known. */
  hasLapsed: boolean;
}

/** A run in the hands of this process. */
interface Underway {
  readonly recorded: ReplayRecorded;
  readonly filter: LetterFilter;
  /** By delivery; those that fan-out is not known to have begun with. */
  readonly outstanding: Map<string, Order>;
  /** Orders that may be given now, of the rate. */
  allowance: number;
  at: number;
  told: ReplayRecorded;
  pass: Pass;
  /** How far the first pass has come. */
  afterId: string | null;
  ordered: number;
  passedOver: number;
}

export class ReplayRunner {
  readonly #options: ReplayRunnerOptions;
  readonly #stopping = new AbortController();
  readonly #underway = new Map<string, Underway>();
  /** Runs that are over, while the store still shows them as unfinished. */
  readonly #over = new Set<string>();
  #last: Promise<void> = Promise.resolve();
  #running: Promise<void> | undefined;

  constructor(options: ReplayRunnerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when the round in hand has ended. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** Gives no further order of the run; somebody has it stopped. */
  forget(runId: string): void {
    this.#over.add(runId);
    this.#underway.delete(runId);
  }

  /** One look at every unfinished run, after the one in hand. @throws DependencyFailure; a repeat is harmless. */
  round(): Promise<void> {
    const round = this.#last.then(() => this.#round());
    this.#last = round.catch(() => undefined);
    return round;
  }

  async #round(): Promise<void> {
    const unfinished = await this.#options.runs.unfinished();
    const names = new Set(unfinished.map(({ runId }) => runId));
    for (const runId of [...this.#underway.keys()]) {
      // Stopped by another process.
      if (!names.has(runId)) this.#underway.delete(runId);
    }
    const failed: unknown[] = [];
    // One that cannot go on holds up none of the others.
    for (const run of unfinished) await this.#advance(run).catch((error: unknown) => failed.push(error));
    if (failed.length > 0) throw failed[0];
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.round().catch((error: unknown) => {
        if (error instanceof DependencyFailure) this.#options.logger.warn({ err: error }, 'replay.paused');
        else this.#options.logger.error({ err: error }, 'replay.failed');
      });
      await delay(EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #advance(stored: ReplayRun): Promise<void> {
    const { runId } = stored;
    if (this.#over.has(runId)) return;
    const known = this.#underway.get(runId);
    if (known !== undefined && this.#isLost(stored, known.told)) this.#underway.delete(runId);
    const run = this.#underway.get(runId) ?? this.#takenOver(stored);
    if (run === null) return;
    this.#underway.set(runId, run);
    await this.#settle(run);
    if (isThrough(run) && run.pass.hasLapsed) run.pass = aPass(null, false);
    await this.#order(run);
    const isDone = isThrough(run) && !run.pass.hasLapsed;
    // Whoever reads that it is over finds every order of it, and what has become of each.
    if (isDone) await this.#untilShown();
    // Stopped while that was under way: the stop is the last word.
    if (this.#over.has(runId)) return;
    if (isDone) {
      await this.#tell(run, 'completed');
      this.forget(runId);
    } else if (this.#options.clock.now() - run.told.recordedAt >= TELL_EVERY_MS) {
      await this.#tell(run, 'progressed');
    }
  }

  /** @throws DependencyFailure while ClickHouse does not show the orders given so far */
  async #untilShown(): Promise<void> {
    const { offsets } = this.#options;
    await offsets.waitFor(ORDERS, await offsets.endOf(ORDERS), SHOWN_WITHIN_MS);
  }

  /** Whether another process goes on with it: it has told what this one does not know, or has told it first. */
  #isLost({ sequence, instanceId }: ReplayRun, told: ReplayRecorded): boolean {
    if (instanceId === this.#options.instanceId || sequence < told.sequence) return false;
    return sequence > told.sequence || instanceId !== told.instanceId;
  }

  /** Null while another process has it. */
  #takenOver(stored: ReplayRun): Underway | null {
    const { instanceId, clock } = this.#options;
    const now = clock.now();
    if (stored.instanceId !== instanceId && now - stored.recordedAt < ABANDONED_MS) return null;
    const { orderedAt: _orderedAt, orderedBy, ...newest } = stored;
    const recorded = { ...newest, actor: orderedBy };
    const filter = readFilter(JSON.parse(recorded.filter), recorded.until);
    if (!filter.ok) throw new Error(`the filter of replay ${recorded.runId} cannot be read`);
    const { afterId, ordered, passedOver, ratePerSecond } = recorded;
    const outstanding = new Map<string, Order>();
    return {
      recorded,
      filter: filter.value,
      outstanding,
      allowance: ratePerSecond,
      at: now,
      told: recorded,
      // Which orders of the process before have lapsed nobody knows.
      pass: { ...aPass(afterId, true), hasLapsed: afterId !== null },
      afterId,
      ordered,
      passedOver,
    };
  }

  /** Forgets the orders that have led to an attempt, or will not any more. */
  async #settle(run: Underway): Promise<void> {
    const { deliveries, clock } = this.#options;
    if (run.outstanding.size === 0) return;
    const ids = new Set([...run.outstanding.values()].map(({ conversionId }) => conversionId));
    const holdings = await deliveries.holdingsOf([...ids]);
    const attempts = new Map(holdings.map(({ deliveryId, attempt }) => [deliveryId, attempt]));
    for (const [deliveryId, { expectedAttempt, issuedAt }] of run.outstanding) {
      const isBegun = (attempts.get(deliveryId) ?? Number.POSITIVE_INFINITY) > expectedAttempt;
      const hasLapsed = !isBegun && clock.now() - issuedAt > LAPSED_MS;
      if (isBegun || hasLapsed) run.outstanding.delete(deliveryId);
      if (hasLapsed) run.pass.hasLapsed = true;
    }
  }

  /** Gives the orders that the rate allows. */
  async #order(run: Underway): Promise<void> {
    const { ratePerSecond, accepts } = run.recorded;
    const now = this.#options.clock.now();
    run.allowance = Math.min(run.allowance + ((now - run.at) * ratePerSecond) / 1_000, ratePerSecond);
    run.at = now;
    const { pass } = run;
    for (let page = 0; page < PAGES_AT_ONCE && !pass.isRead; page += 1) {
      const room = ratePerSecond * AHEAD_SECONDS - run.outstanding.size;
      const most = Math.min(Math.floor(run.allowance), room);
      if (most < 1 || this.#over.has(run.recorded.runId)) return;
      const found = await this.#options.appraiser.page(run.filter, pass.afterId, PAGE);
      const portion = portionOf(found, accepts, most);
      const { chosen } = portion;
      const issuedAt = this.#options.clock.now();
      await this.#produce(chosen.map((each) => this.#orderOf(run, each, issuedAt)));
      for (const { letter } of chosen) {
        const { deliveryId, conversionId, attempt: expectedAttempt } = letter;
        run.outstanding.set(deliveryId, { conversionId, expectedAttempt, issuedAt });
      }
      run.allowance -= chosen.length;
      pass.afterId = portion.lastId ?? pass.afterId;
      pass.isRead = portion.isWhole && found.isLast;
      if (pass.isFirst) count(run, portion);
      if (!portion.isWhole) return;
    }
  }

  #orderOf({ recorded }: Underway, { letter, newest }: AppraisedLetter, issuedAt: number): OutgoingRecord {
    const { deadLetterId, conversionId, deliveryId, destinationId, attempt } = letter;
    return outgoing(ORDERS, conversionId, {
      commandId: deterministicUuid('replay_order', recorded.runId, deadLetterId),
      command: 'replay',
      runId: recorded.runId,
      deadLetterId,
      conversionId,
      deliveryId,
      destinationId,
      expectedAttempt: attempt,
      accepts: recorded.accepts,
      issuedAt,
      actor: recorded.actor,
      configurationVersion: this.#options.configurationVersion(),
      isTest: newest?.isTest ?? false,
    });
  }

  async #tell(run: Underway, step: 'progressed' | 'completed'): Promise<void> {
    const { clock, instanceId, configurationVersion, logger } = this.#options;
    const { afterId, ordered, passedOver, told } = run;
    const record: ReplayRecorded = {
      ...told,
      sequence: told.sequence + 1,
      step,
      afterId,
      ordered,
      passedOver,
      recordedAt: clock.now(),
      instanceId,
      configurationVersion: configurationVersion(),
    };
    await this.#produce([outgoing('replay.recorded.v1', record.runId, record)]);
    run.told = record;
    logger.info({ runId: record.runId, step, ordered, passedOver }, 'replay.recorded');
  }

  async #produce(records: readonly OutgoingRecord[]): Promise<void> {
    if (records.length > 0) await this.#options.producer.produce(records);
  }
}

function aPass(afterId: string | null, isFirst: boolean): Pass {
  return { afterId, isFirst, isRead: false, hasLapsed: false };
}

/** Whether all is read, and fan-out has begun with, or will not begin any more with, whatever was ordered. */
function isThrough({ pass, outstanding }: Underway): boolean {
  return pass.isRead && outstanding.size === 0;
}

function count(run: Underway, { chosen, passedOver, lastId }: Portion): void {
  run.ordered += chosen.length;
  run.passedOver += passedOver;
  run.afterId = lastId ?? run.afterId;
}

interface Portion {
  readonly chosen: readonly AppraisedLetter[];
  readonly passedOver: number;
  /** The last letter that is dealt with; null: none. */
  readonly lastId: string | null;
  /** Whether that is all of the page. */
  readonly isWhole: boolean;
}

/** The page up to the first letter that would be one order too many. */
function portionOf({ letters, lastId }: LetterPage, accepts: readonly string[], most: number): Portion {
  const chosen: AppraisedLetter[] = [];
  for (const [index, each] of letters.entries()) {
    if (!isReplayable(each.appraisal, accepts)) continue;
    if (chosen.length === most) {
      const last = letters[index - 1]?.letter.deadLetterId ?? null;
      return { chosen, passedOver: index - chosen.length, lastId: last, isWhole: false };
    }
    chosen.push(each);
  }
  return { chosen, passedOver: letters.length - chosen.length, lastId, isWhole: true };
}
