/** Conversions that wait for a click, a condition or an original, held by the owner of their lane, with when to look again. */
import { attribution } from '@tributary/domain';
import type { Watermark } from '@tributary/store';

/** A parked conversion is looked at so long after its receipt, when most late clicks have come, then every 5 minutes. */
const CHECKS_AFTER_MS = [500, 1_000, 2_000, 5_000, 30_000] as const;
const LATER_CHECKS_MS = 300_000;

/** How far something had been written at an instant. */
export interface Noted {
  readonly at: number;
  readonly ends: Watermark;
}

export interface Waiting {
  readonly conversion: attribution.Conversion;
  readonly partition: number;
  readonly deadlineAt: number;
  readonly nextCheckAt: number;
  /** Where the clicks ended when it was first looked at, and once more when its deadline had passed. */
  readonly clicks: Noted | null;
}

/** Why a conversion waits, and so which look may end it. */
export type Awaited =
  | { readonly kind: 'named_click'; readonly clickId: string }
  | { readonly kind: 'clicks_of_person' }
  | { readonly kind: 'deadline_only' };

export function awaitedBy({ outcome, passed, facts }: attribution.Conversion): Awaited {
  const isReversal = attribution.takesBack({ facts });
  if (outcome.match !== 'parked' || isReversal) return { kind: 'deadline_only' };
  const { clickId } = facts;
  const isSought = outcome.candidates.some(
    (candidate) => candidate.clickId === clickId && candidate.outcome === 'missing',
  );
  return clickId !== null && isSought && passed.gaveUpClickId !== clickId
    ? { kind: 'named_click', clickId }
    : { kind: 'clicks_of_person' };
}

export class WaitingConversions {
  readonly #byId = new Map<string, Waiting>();
  /** Null until partitions are dealt. */
  #owned: ReadonlySet<number> | null = null;

  get size(): number {
    return this.#byId.size;
  }

  /** When the postback that has waited longest was received; null when none waits. */
  get oldestReceivedAt(): number | null {
    let oldest: number | null = null;
    for (const { conversion } of this.#byId.values()) {
      const { receivedAt } = conversion.facts;
      if (oldest === null || receivedAt < oldest) oldest = receivedAt;
    }
    return oldest;
  }

  /** The partitions are dealt anew: forgets everything, and holds only what belongs to these from now on. */
  own(partitions: readonly number[]): void {
    this.#owned = new Set(partitions);
    this.#byId.clear();
  }

  /**
   * Takes over how a conversion stands: its wait begins, goes on, or is over. One of a partition that is owned elsewhere is
   * its owner's to wait for.
   */
  meet(conversion: attribution.Conversion, partition: number): void {
    if (this.#owned?.has(partition) === false) return;
    const known = this.#byId.get(conversion.conversionId);
    if (known !== undefined && known.conversion.revision > conversion.revision) return;
    const deadlineAt = attribution.deadlineIn(conversion);
    if (deadlineAt === null) this.#byId.delete(conversion.conversionId);
    else if (known?.conversion.revision !== conversion.revision)
      this.#byId.set(conversion.conversionId, {
        conversion,
        partition,
        deadlineAt,
        nextCheckAt: 0,
        clicks: null,
      });
  }

  /** True while the conversion still waits as this very revision. */
  holds({ conversionId, revision }: attribution.Conversion): boolean {
    return this.#byId.get(conversionId)?.conversion.revision === revision;
  }

  /**
   * Of those whose next check or deadline has come, the ones that were given out longest ago, at most `limit`. They go
   * behind the others whatever comes of the look: those that nobody can decide yet must not keep the rest from their turn.
   */
  due(now: number, limit = Number.POSITIVE_INFINITY): readonly Waiting[] {
    const due: Waiting[] = [];
    for (const entry of this.#byId.values()) {
      if (due.length >= limit) break;
      if (entry.nextCheckAt <= now || entry.deadlineAt <= now) due.push(entry);
    }
    for (const entry of due) {
      this.#byId.delete(entry.conversion.conversionId);
      this.#byId.set(entry.conversion.conversionId, entry);
    }
    return due;
  }

  /** Notes a look that changed nothing, and where the clicks ended by then when that is to be waited for. */
  checked(entry: Waiting, now: number, clicks: Noted | null): void {
    const { conversion } = entry;
    if (!this.holds(conversion)) return;
    const nextCheckAt = nextCheckAfter(conversion, clicks, now);
    this.#byId.set(conversion.conversionId, { ...entry, nextCheckAt, clicks });
  }
}

/** What is only held needs no look before its deadline; what waits for clicks to show is looked at every time. */
function nextCheckAfter(conversion: attribution.Conversion, clicks: Noted | null, now: number): number {
  const awaited = awaitedBy(conversion);
  if (awaited.kind === 'deadline_only') return Number.POSITIVE_INFINITY;
  if (awaited.kind === 'clicks_of_person' && clicks !== null && !conversion.passed.hasSeenClicks) return now;
  const { receivedAt } = conversion.facts;
  const next = CHECKS_AFTER_MS.map((afterMs) => receivedAt + afterMs).find((checkAt) => checkAt > now);
  return next ?? now + LATER_CHECKS_MS;
}
