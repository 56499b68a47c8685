/** What caps and tiers have given away: counted by the owner of a lane while it owns it, from what the store showed at first. */
import type { RecordPosition } from '@tributary/bus';
import { attribution, type CapUse } from '@tributary/domain';
import type { Watermark } from '@tributary/store';

/** A counter nobody asked for in so long is forgotten, if the store shows all that was counted on it. */
const KEPT_MS = 600_000;

interface Kept<Use> {
  use: Use;
  askedAt: number;
  /** Where the revisions stand that were counted last. */
  countedAt: readonly RecordPosition[];
}

/** The counters of one partition, by the keys that the core asks for them by. */
interface PartitionCounters {
  readonly caps: Map<string, Kept<CapUse>>;
  readonly tiers: Map<string, Kept<attribution.TierUse>>;
}

/** Adding up what the store shows and what it does not show yet would need the line between them; one writer needs none. */
export class Counters {
  readonly #byPartition = new Map<number, PartitionCounters>();

  capUse(partition: number, key: string, now: number): CapUse | undefined {
    return asked(this.#of(partition).caps, key, now);
  }

  tierUse(partition: number, key: string, now: number): attribution.TierUse | undefined {
    return asked(this.#of(partition).tiers, key, now);
  }

  /** Takes what the store shows of counters that were not known. */
  learn(
    partition: number,
    keys: attribution.Keys,
    { capUses, tierUses }: Pick<attribution.LoadedFacts, 'capUses' | 'tierUses'>,
    now: number,
  ): void {
    const { caps, tiers } = this.#of(partition);
    const none: CapUse = { count: 0, payoutMicros: 0n };
    for (const key of keys.capUse) caps.set(key, { use: none, askedAt: now, countedAt: [] });
    for (const key of keys.tierUse)
      tiers.set(key, { use: attribution.NO_TIER_USE, askedAt: now, countedAt: [] });
    for (const { key, periodStart, use } of capUses)
      caps.set(attribution.counterKey(key, periodStart), { use, askedAt: now, countedAt: [] });
    for (const { key, periodStart, use } of tierUses)
      tiers.set(attribution.counterKey(key, periodStart), { use, askedAt: now, countedAt: [] });
  }

  /** Adds what written revisions took; the rules have asked for every counter they add to. */
  count(
    partition: number,
    { caps, tiers }: attribution.PlacesTaken,
    countedAt: readonly RecordPosition[],
  ): void {
    const known = this.#of(partition);
    for (const { key, periodStart, count, payoutMicros } of caps) {
      const kept = present(known.caps.get(attribution.counterKey(key, periodStart)));
      kept.use = { count: kept.use.count + count, payoutMicros: kept.use.payoutMicros + payoutMicros };
      kept.countedAt = countedAt;
    }
    for (const { key, periodStart, position } of tiers) {
      const kept = present(known.tiers.get(attribution.counterKey(key, periodStart)));
      kept.use = attribution.withPosition(kept.use, position);
      kept.countedAt = countedAt;
    }
  }

  /** After a send of which nobody knows whether it arrived, only the store can say. */
  forget(partition: number): void {
    this.#byPartition.delete(partition);
  }

  clear(): void {
    this.#byPartition.clear();
  }

  /** @param stored up to where the store shows conversion.decided. */
  evict(stored: Watermark, now: number): void {
    const isShown = ({ partition, offset }: RecordPosition) => offset < (stored.get(partition) ?? -1);
    for (const { caps, tiers } of this.#byPartition.values())
      for (const counters of [caps, tiers])
        for (const [key, { askedAt, countedAt }] of counters)
          if (askedAt < now - KEPT_MS && countedAt.every(isShown)) counters.delete(key);
  }

  #of(partition: number): PartitionCounters {
    const known = this.#byPartition.get(partition);
    if (known !== undefined) return known;
    const fresh = { caps: new Map(), tiers: new Map() };
    this.#byPartition.set(partition, fresh);
    return fresh;
  }
}

function asked<Use>(counters: Map<string, Kept<Use>>, key: string, now: number): Use | undefined {
  const kept = counters.get(key);
  if (kept === undefined) return undefined;
  kept.askedAt = now;
  return kept.use;
}

function present<Use>(kept: Kept<Use> | undefined): Kept<Use> {
  if (kept === undefined) throw new Error('a place was taken on a counter that nobody asked for');
  return kept;
}
