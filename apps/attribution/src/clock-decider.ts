/** Decides what time brings to conversions that wait: clicks that have become visible, and deadlines that have passed. */
import type { attribution } from '@tributary/domain';
import { type Clock, DependencyFailure, type Logger } from '@tributary/runtime';
import { type FactsStore, hasReached, type StoredOffsets, type Watermark } from '@tributary/store';
import { oldestParkedSeconds, parkedConversions } from './attribution-metrics.ts';
import type { DecisionBatches } from './decision-batches.ts';
import type { DecisionLanes } from './decision-lanes.ts';
import type { DecisionWriter } from './decision-writer.ts';
import type { LaneProgress } from './lane-progress.ts';
import type { LateTouches } from './late-touches.ts';
import type { OwnWrites } from './own-writes.ts';
import { Ticks } from './ticks.ts';
import { awaitedBy, type Noted, type Waiting, type WaitingConversions } from './waiting-conversions.ts';

export interface ClockDeciderOptions {
  readonly store: Pick<FactsStore, 'clicksById'>;
  readonly offsets: StoredOffsets;
  readonly batches: DecisionBatches;
  readonly writer: DecisionWriter;
  readonly ownWrites: OwnWrites;
  readonly waiting: WaitingConversions;
  readonly progress: LaneProgress;
  readonly lanes: DecisionLanes;
  readonly lateTouches: LateTouches;
  readonly configurationVersion: () => number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A late click is decided about half of this after it shows. */
const TICK_MS = 250;
const MAX_PER_TICK = 5_000;
const TOUCHES_MS = 1_000;
const CLICKS = 'click.recorded.v1';
const POSTBACKS = 'postback.received.v1';

/** What one look has seen. */
interface Look {
  readonly now: number;
  /** Ids of sought clicks that ClickHouse shows. */
  readonly visible: ReadonlySet<string>;
  /** Up to where ClickHouse showed clicks before the look. */
  readonly stored: Watermark;
  /** Where the clicks end now. */
  readonly clicks: Noted;
}

export class ClockDecider {
  readonly #options: ClockDeciderOptions;
  readonly #ticks = new Ticks(TICK_MS, () => this.#tick());
  #nextTouchesAt = 0;

  constructor(options: ClockDeciderOptions) {
    this.#options = options;
  }

  start(): void {
    this.#ticks.start();
  }

  /** Once another owns its partitions a look that still runs cannot write. */
  stop(): Promise<void> {
    return this.#ticks.stop();
  }

  async #tick(): Promise<void> {
    const { ownWrites, clock } = this.#options;
    try {
      this.#measure();
      await this.#work();
      await this.#lookForTouches();
      await this.#settleDoubts();
      await ownWrites.evict(clock.now());
    } catch (error) {
      this.#pausedBy(error);
    }
  }

  /** Nobody waits for them, so once a second is often enough. */
  async #lookForTouches(): Promise<void> {
    const { lateTouches, clock } = this.#options;
    if (clock.now() < this.#nextTouchesAt) return;
    await lateTouches.look();
    this.#nextTouchesAt = clock.now() + TOUCHES_MS;
  }

  /** Nothing is lost by an outage: what waits goes on waiting and is looked at again. */
  #pausedBy(error: unknown): void {
    if (!(error instanceof DependencyFailure)) throw error;
    this.#options.logger.warn({ err: error }, 'clock.paused');
  }

  async #work(): Promise<void> {
    const { waiting, clock, lanes } = this.#options;
    const due = waiting.due(clock.now(), MAX_PER_TICK);
    if (due.length === 0) return;
    const look = await this.#look(due);
    // Each for itself: a partition that is held up, or cannot be decided now, is no reason for the others to wait.
    const decided = [...Map.groupBy(due, ({ partition }) => partition)].map(([partition, entries]) =>
      lanes.run(partition, async (isAfterDoubt) => {
        if (isAfterDoubt) await this.#meetStored(partition, entries);
        await this.#decide(partition, entries, look);
      }),
    );
    await Promise.all(decided.map((each) => each.catch((error: unknown) => this.#pausedBy(error))));
  }

  async #look(due: readonly Waiting[]): Promise<Look> {
    const { store, offsets, clock, progress } = this.#options;
    const now = clock.now();
    if (due.some(({ deadlineAt }) => deadlineAt <= now))
      for (const [partition, end] of await offsets.endOf(POSTBACKS)) progress.ended(partition, end, now);
    // The order matters: what ClickHouse had stored before the look is what the look has seen.
    const stored = await offsets.storedOf(CLICKS);
    const clicks = { at: now, ends: await offsets.endOf(CLICKS) };
    const sought = due.flatMap(({ conversion }) => {
      const awaited = awaitedBy(conversion);
      return awaited.kind === 'named_click' ? [awaited.clickId] : [];
    });
    const found = sought.length === 0 ? [] : await store.clicksById([...new Set(sought)]);
    return { now, visible: new Set(found.map(({ clickId }) => clickId)), stored, clicks };
  }

  async #decide(partition: number, entries: readonly Waiting[], look: Look): Promise<void> {
    const { waiting, batches, writer, progress, configurationVersion } = this.#options;
    const turn = progress.turn(partition, configurationVersion());
    const inputs: attribution.Input[] = [];
    const subjects = new Set<string>();
    const looked: { readonly entry: Waiting; readonly clicks: Noted | null }[] = [];
    // Places under caps go by the log, so that a replay gives the same ones.
    for (const entry of entries.toSorted(byPlaceInLog)) {
      if (!waiting.holds(entry.conversion)) continue;
      const clicks = notedClicks(entry, look);
      for (const change of this.#changesFor(entry, look, clicks)) {
        // Where a click has shown, others of its person may not have yet.
        inputs.push({ ...change, at: turn({ watermarkReached: change.kind === 'instant' }) });
        subjects.add(entry.conversion.conversionId);
      }
      looked.push({ entry, clicks });
    }
    if (inputs.length > 0) {
      const decided = await batches.decide(partition, inputs, new Set());
      await writer.write(partition, decided, {
        isAbout: (_input, { conversionId }) => subjects.has(conversionId),
      });
    }
    for (const { entry, clicks } of looked) waiting.checked(entry, look.now, clicks);
  }

  /**
   * The inputs by which the conversion is decided again; none while nothing of it can have changed. A click that was
   * received after the deadline has shown and does not count, so that what has passed is told after it too.
   */
  #changesFor(
    { conversion, partition, deadlineAt }: Waiting,
    { now, visible, stored }: Look,
    clicks: Noted | null,
  ): readonly Change[] {
    const awaited = awaitedBy(conversion);
    const { lane, conversionId } = conversion;
    const passed = [{ kind: 'instant', conversionId }] as const;
    const isPast = deadlineAt <= now;
    if (awaited.kind === 'deadline_only')
      return isPast && this.#options.progress.readUntil(partition) >= deadlineAt ? passed : [];
    // "No click" is final only when ClickHouse shows every click that was in the log after the deadline.
    const seesEnough =
      clicks !== null && hasReached(stored, clicks.ends) && (!isPast || clicks.at >= deadlineAt);
    const isLookedFor = awaited.kind === 'clicks_of_person' || isPast;
    const later = seesEnough && isLookedFor ? passed : [];
    return awaited.kind === 'named_click' && visible.has(awaited.clickId)
      ? [{ kind: 'click', clickId: awaited.clickId, lane }, ...later]
      : later;
  }

  /** Where two owners decided one conversion the log's first record stands; if that one waits, it waits here. */
  async #settleDoubts(): Promise<void> {
    const { ownWrites, batches, waiting } = this.#options;
    const shown = await ownWrites.doubtsShown();
    for (const conversion of await batches.conversions(new Set(shown)))
      waiting.meet(conversion, conversion.decidedAt.position.partition);
    ownWrites.settled(shown);
  }

  async #meetStored(partition: number, entries: readonly Waiting[]): Promise<void> {
    const { batches, waiting } = this.#options;
    const ids = new Set(entries.map(({ conversion }) => conversion.conversionId));
    for (const conversion of await batches.conversions(ids)) waiting.meet(conversion, partition);
  }

  #measure(): void {
    const { waiting, clock } = this.#options;
    const oldest = waiting.oldestReceivedAt;
    parkedConversions.set(waiting.size);
    oldestParkedSeconds.set(oldest === null ? 0 : Math.max(0, clock.now() - oldest) / 1_000);
  }
}

type Change =
  | { readonly kind: 'click'; readonly clickId: string; readonly lane: string }
  | { readonly kind: 'instant'; readonly conversionId: string };

/** Noted at the first look and anew once the deadline has passed: later clicks than those are waited for by nobody. */
function notedClicks({ clicks, deadlineAt }: Waiting, look: Look): Noted | null {
  if (clicks === null) return look.clicks;
  return look.now >= deadlineAt && clicks.at < deadlineAt ? look.clicks : clicks;
}

function byPlaceInLog({ conversion: a }: Waiting, { conversion: b }: Waiting): number {
  const byOffset = a.facts.position.offset - b.facts.position.offset;
  return byOffset || (a.conversionId < b.conversionId ? -1 : 1);
}
