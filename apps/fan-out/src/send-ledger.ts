/** What destinations hold, own attempts included before ClickHouse shows them, and which revision of a conversion is the newest. */
import { setTimeout as delay } from 'node:timers/promises';
import type { RecordPosition } from '@tributary/bus';
import type { ConversionDecided } from '@tributary/contracts';
import { type OutwardValue, outwardValueOf } from '@tributary/domain';
import { DependencyFailure } from '@tributary/runtime';
import {
  type DeliveryStore,
  type HoldingsUrgency,
  Overlay,
  type StoredHolding,
  type StoredOffsets,
  type Watermark,
} from '@tributary/store';

const ATTEMPTS = 'delivery.attempted.v1';
const DECISIONS = 'conversion.decided.v1';
/** A store further behind than this is an outage; the assignment is then tried again. */
const CATCH_UP_MS = 30_000;

/** Attempts of minutes at any rate one instance reaches, about 1 kB each: who has more in memory is to wait for ClickHouse. */
const MOST_UNSHOWN = 200_000;
const ROOM_POLL_MS = 100;
const ROOM_WAIT_MS = 5_000;

/** A holding with all that its next step needs. */
export interface Standing extends StoredHolding {
  readonly told: OutwardValue;
}

/** Of a standing that is on no record yet. */
export const UNRECORDED = { requestId: null, startedAt: null } as const;

export class SendLedger {
  readonly #store: Pick<DeliveryStore, 'holdingsOf' | 'newestRevisions' | 'decidedRevision'>;
  readonly #offsets: StoredOffsets;
  readonly #overlay = new Overlay<Standing>();
  readonly #byConversion = new Map<string, Set<string>>();
  readonly #newest = new Overlay<number>();
  /** Questions to the store that have no answer yet: it may be older than what was written since. */
  readonly #asked = new Set<Promise<unknown>>();

  constructor(
    store: Pick<DeliveryStore, 'holdingsOf' | 'newestRevisions' | 'decidedRevision'>,
    offsets: StoredOffsets,
  ) {
    this.#store = store;
    this.#offsets = offsets;
  }

  /**
   * Starts empty once ClickHouse shows every attempt that stands in its topic now, whoever made it, and has read every decision:
   * those that it could not decode are set aside here, and only once this has begun.
   * @throws DependencyFailure
   */
  async begin(): Promise<void> {
    this.#overlay.clear();
    this.#byConversion.clear();
    this.#newest.clear();
    const [attempts, decisions] = await Promise.all([
      this.#offsets.endOf(ATTEMPTS),
      this.#offsets.endOf(DECISIONS),
    ]);
    await Promise.all([
      this.#offsets.waitFor(ATTEMPTS, attempts, CATCH_UP_MS),
      this.#offsets.waitUntilRead(DECISIONS, decisions, CATCH_UP_MS),
    ]);
  }

  /**
   * Everything held, or attempted, by conversion. Until `use` has answered nothing is forgotten that it was not told of, so that
   * whatever it looks up with {@link latest} is the latest.
   * @throws DependencyFailure
   */
  async withHoldings<T>(
    conversionIds: readonly string[],
    urgency: HoldingsUrgency,
    use: (standings: ReadonlyMap<string, readonly Standing[]>) => Promise<T>,
  ): Promise<T> {
    const wanted = [...new Set(conversionIds)];
    return this.#whileAsked(async () => {
      const rows = await this.#store.holdingsOf(wanted, urgency);
      const stored = await Promise.all(rows.map((each) => this.#told(each)));
      const found = Map.groupBy(stored, ({ conversionId }) => conversionId);
      return use(new Map(wanted.map((id) => [id, this.#withOwn(id, found.get(id) ?? [])])));
    });
  }

  /** The later of what was read before and what this process has noted since. */
  latest(holdingId: string, read: Standing | null): Standing | null {
    const own = this.#overlay.get(holdingId);
    return own !== undefined && (read === null || isLater(own, read)) ? own : read;
  }

  note(standing: Standing, position: RecordPosition): void {
    const { holdingId, conversionId } = standing;
    this.#overlay.set(holdingId, standing, position);
    const known = this.#byConversion.get(conversionId);
    if (known === undefined) this.#byConversion.set(conversionId, new Set([holdingId]));
    else known.add(holdingId);
  }

  /**
   * Nothing is begun that could not be remembered: waits until ClickHouse shows some of what is. Failing at once would have every
   * partition back off for seconds where ClickHouse is only slower than the receivers.
   * @throws DependencyFailure while ClickHouse stores no attempts for long @throws the reason of `signal` once it is aborted
   */
  async room(signal: AbortSignal): Promise<void> {
    for (let waitedMs = 0; this.#overlay.size >= MOST_UNSHOWN; waitedMs += ROOM_POLL_MS) {
      if (waitedMs >= ROOM_WAIT_MS)
        throw new DependencyFailure('clickhouse_behind', 'ClickHouse does not show the attempts of minutes');
      await delay(ROOM_POLL_MS, undefined, { signal });
    }
  }

  /** A decision that this instance has met. */
  noteDecided({ conversionId, revision }: ConversionDecided, position: RecordPosition): void {
    if (revision >= (this.#newest.get(conversionId) ?? 0)) this.#newest.set(conversionId, revision, position);
  }

  /** The newest revision of each conversion that this instance has met or ClickHouse shows. @throws DependencyFailure */
  async newestRevisions(conversionIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.#whileAsked(async () => {
      const stored = await this.#store.newestRevisions([...new Set(conversionIds)]);
      return new Map(
        conversionIds.map((id) => [id, Math.max(stored.get(id) ?? 0, this.#newest.get(id) ?? 0)]),
      );
    });
  }

  /** A revision that was told some time ago. @throws DependencyFailure also while ClickHouse does not show it */
  async decidedRevision(conversionId: string, revision: number): Promise<ConversionDecided> {
    const decided = await this.#store.decidedRevision(conversionId, revision);
    if (decided !== undefined) return decided;
    throw new DependencyFailure('clickhouse_behind', 'ClickHouse does not show a revision that was told');
  }

  /** Forgets what ClickHouse shows by now, and to everybody who has asked it before. @throws DependencyFailure */
  async evict(): Promise<void> {
    if (this.#overlay.size > 0) {
      const stored = await this.#storedForAll(ATTEMPTS);
      const forgotten = this.#overlay.evict(stored);
      for (const { conversionId, holdingId } of forgotten) this.#forget(conversionId, holdingId);
    }
    if (this.#newest.size > 0) this.#newest.evict(await this.#storedForAll(DECISIONS));
  }

  async #storedForAll(topic: typeof ATTEMPTS | typeof DECISIONS): Promise<Watermark> {
    const stored = await this.#offsets.storedOf(topic);
    await Promise.allSettled(this.#asked);
    return stored;
  }

  async #whileAsked<T>(ask: () => Promise<T>): Promise<T> {
    const answer = ask();
    this.#asked.add(answer);
    try {
      return await answer;
    } finally {
      this.#asked.delete(answer);
    }
  }

  #withOwn(conversionId: string, stored: readonly Standing[]): readonly Standing[] {
    const byId = new Map(stored.map((standing) => [standing.holdingId, standing]));
    for (const holdingId of this.#byConversion.get(conversionId) ?? []) {
      const latest = this.latest(holdingId, byId.get(holdingId) ?? null);
      if (latest !== null) byId.set(holdingId, latest);
    }
    return [...byId.values()];
  }

  #forget(conversionId: string, holdingId: string): void {
    const known = this.#byConversion.get(conversionId);
    known?.delete(holdingId);
    if (known?.size === 0) this.#byConversion.delete(conversionId);
  }

  /** What was told before it was kept is what the revision says. */
  async #told({ told, ...stored }: StoredHolding): Promise<Standing> {
    if (told !== null) return { ...stored, told };
    return {
      ...stored,
      told: outwardValueOf(await this.decidedRevision(stored.conversionId, stored.revision)),
    };
  }
}

/** An attempt that did not end, or whose request was to be sent again at once, in halves or with a new token: nothing else goes on with it. */
export function isCutOff({ phase, outcome, nextAttemptAt }: Standing): boolean {
  return phase === 'intended' || (outcome === 'retry' && nextAttemptAt === null);
}

/** Attempt by attempt, and within one intended before ended. */
function isLater(left: Standing, right: Standing): boolean {
  if (left.attempt !== right.attempt) return left.attempt > right.attempt;
  return left.phase === 'ended' && right.phase === 'intended';
}
