/** Once a second: looks for the clicks of parked conversions, attributes what was found, gives up what is past its deadline. */
import { type EventProducer, outgoing } from '@tributary/bus';
import type { Configuration } from '@tributary/configuration';
import type { ClickRecorded, ConversionDecided } from '@tributary/contracts';
import { giveUpWaiting, rematch } from '@tributary/domain';
import { type Clock, DependencyFailure, type Logger } from '@tributary/runtime';
import { type AttributionStore, hasReached, type StoredOffsets, type Watermark } from '@tributary/store';
import { decisions, oldestParkedSeconds, parkedConversions } from './attribution-metrics.ts';
import type { DecisionLanes } from './decision-lanes.ts';
import { decisionLine } from './decision-line.ts';
import { factsOfDecision, nextRevision, soughtClickId } from './decision-record.ts';
import type { OwnWrites } from './own-writes.ts';
import type { Parked, ParkedConversions } from './parked-conversions.ts';
import { termsInForce } from './terms.ts';

export interface RematcherOptions {
  readonly store: Pick<AttributionStore, 'clicksById' | 'latestDecisions'>;
  readonly offsets: StoredOffsets;
  readonly ownWrites: OwnWrites;
  readonly parked: ParkedConversions;
  readonly lanes: DecisionLanes;
  readonly producer: EventProducer;
  readonly configuration: () => Configuration;
  /** Offset of the last postback handled in a partition: the position in the lane at which the clock decided. */
  readonly positionOf: (partition: number) => number;
  readonly clock: Clock;
  readonly logger: Logger;
}

const TICK_MS = 1_000;
const MAX_PER_TICK = 5_000;
/** A look that waits for ClickHouse may take a minute; a drain has 25 s for everything. */
const STOP_LIMIT_MS = 2_000;
const CLICKS = 'click.recorded.v1';

export class Rematcher {
  readonly #options: RematcherOptions;
  #timer: NodeJS.Timeout | undefined;
  #ticking: Promise<void> | undefined;

  constructor(options: RematcherOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => {
      // Behind a slow look no others pile up: they would all run at once, and hold up the drain.
      this.#ticking ??= this.#tick().finally(() => {
        this.#ticking = undefined;
      });
    }, TICK_MS);
  }

  /** Looks no more, and lets the look that runs come to its end, in bounded time: once another owns its partitions it cannot write. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_LIMIT_MS);
    });
    await Promise.race([this.#ticking, late]);
    clearTimeout(timer);
  }

  async #tick(): Promise<void> {
    const { ownWrites } = this.#options;
    try {
      this.#measure();
      await this.#work();
      await this.#settleDoubts();
      await ownWrites.evict();
    } catch (error) {
      this.#pausedBy(error);
    }
  }

  /** Nothing is lost by an outage: what is parked stays parked and is looked at again. */
  #pausedBy(error: unknown): void {
    if (!(error instanceof DependencyFailure)) throw error;
    this.#options.logger.warn({ err: error }, 'rematch.paused');
  }

  async #work(): Promise<void> {
    const { parked, clock, offsets, store, lanes } = this.#options;
    const due = parked.due(clock.now(), MAX_PER_TICK);
    if (due.length === 0) return;
    const isAnyLate = due.some((entry) => isPastDeadline(entry, clock.now()));
    // The order matters: what ClickHouse had stored before the look is what the look has seen.
    const stored = isAnyLate ? await offsets.storedOf(CLICKS) : new Map<number, number>();
    const ends = isAnyLate ? await offsets.endOf(CLICKS) : null;
    const clickIds = due.flatMap(({ conversion }) => soughtClickId(conversion) ?? []);
    const clicks = new Map(
      (await store.clicksById([...new Set(clickIds)])).map((click) => [click.clickId, click]),
    );
    // Each for itself: a partition that is held up, or cannot be decided now, is no reason for the others to wait.
    const decided = [...byPartition(due)].map(([partition, entries]) =>
      lanes.run(partition, async (isAfterDoubt) => {
        if (isAfterDoubt) await this.#meetStored(entries.map(({ conversion }) => conversion.conversionId));
        await this.#decide(partition, entries, clicks, stored, ends);
      }),
    );
    await Promise.all(decided.map((each) => each.catch((error: unknown) => this.#pausedBy(error))));
  }

  /** Where two owners decided one conversion the log's first record stands; if that one waits, it waits here. */
  async #settleDoubts(): Promise<void> {
    const { ownWrites } = this.#options;
    const shown = await ownWrites.doubtsShown();
    await this.#meetStored(shown);
    ownWrites.settled(shown);
  }

  async #meetStored(conversionIds: readonly string[]): Promise<void> {
    const { store, parked } = this.#options;
    for (const stored of await store.latestDecisions(conversionIds)) parked.meet(stored);
  }

  async #decide(
    partition: number,
    entries: readonly Parked[],
    clicks: ReadonlyMap<string, ClickRecorded>,
    stored: Watermark,
    ends: Watermark | null,
  ): Promise<void> {
    const { parked, producer, ownWrites, clock } = this.#options;
    const now = clock.now();
    const decided: ConversionDecided[] = [];
    for (const entry of entries) {
      const { conversion } = entry;
      if (!parked.holds(conversion)) continue;
      const click = clicks.get(soughtClickId(conversion) ?? '') ?? null;
      const revision = this.#revisionOf(entry, click, stored, partition, now);
      if (revision !== null) decided.push(revision);
      else parked.checked(conversion, now, isPastDeadline(entry, now) ? (entry.watermark ?? ends) : null);
    }
    const positions = await producer.produce(
      decided.map((event) => outgoing('conversion.decided.v1', event.conversionId, event)),
    );
    decided.forEach((decision, index) => {
      const position = positions[index];
      if (position) ownWrites.note(decision, position);
      parked.remove(decision.conversionId);
      this.#tell(decision);
    });
  }

  #revisionOf(
    { conversion, watermark }: Parked,
    click: ClickRecorded | null,
    stored: Watermark,
    partition: number,
    now: number,
  ): ConversionDecided | null {
    const configuration = this.#options.configuration();
    const facts = factsOfDecision(conversion);
    const at = {
      partition,
      offset: this.#options.positionOf(partition),
      now,
      configurationVersion: configuration.version,
    };
    const found = rematch(facts, conversion.revision, click, termsInForce(configuration, click, conversion));
    if (found !== null) return nextRevision(conversion, found, click, { ...at, kind: 'late_click' });
    // "No click" is final only when ClickHouse had stored every click that was in the log after the deadline.
    if (watermark === null || !hasReached(stored, watermark)) return null;
    const given = giveUpWaiting(facts, conversion.revision);
    return nextRevision(conversion, given, null, { ...at, kind: 'deadline' });
  }

  #measure(): void {
    const { parked, clock } = this.#options;
    const oldest = parked.oldestReceivedAt;
    parkedConversions.set(parked.size);
    oldestParkedSeconds.set(oldest === null ? 0 : Math.max(0, clock.now() - oldest) / 1_000);
  }

  #tell(decided: ConversionDecided): void {
    decisions.inc({ match: decided.match, trigger: decided.triggerKind });
    this.#options.logger.info(decisionLine(decided), 'conversion.decided');
  }
}

function isPastDeadline({ conversion }: Parked, now: number): boolean {
  return (conversion.parkedUntil ?? 0) <= now;
}

function byPartition(entries: readonly Parked[]): ReadonlyMap<number, readonly Parked[]> {
  return Map.groupBy(entries, ({ conversion }) => conversion.triggerPartition);
}
