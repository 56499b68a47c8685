/** Conversions that wait for their click, held by the owner of their lane's partition, with when to look again. */
import type { ConversionDecided } from '@tributary/contracts';
import type { Watermark } from '@tributary/store';

/** After being parked a conversion is looked at after 1 s, 5 s and 30 s, when most late clicks have come, then every 5 minutes. */
const CHECKS_AFTER_MS = [1_000, 5_000, 30_000] as const;
const LATER_CHECKS_MS = 300_000;

export interface Parked {
  readonly conversion: ConversionDecided;
  readonly nextCheckAt: number;
  /** Set once the deadline has passed: how far ClickHouse must have stored clicks before "no click" is final. */
  readonly watermark: Watermark | null;
}

export class ParkedConversions {
  readonly #byId = new Map<string, Parked>();
  /** Null until partitions are dealt. */
  #owned: ReadonlySet<number> | null = null;

  get size(): number {
    return this.#byId.size;
  }

  /** When the postback that has waited longest was received; null when none waits. */
  get oldestReceivedAt(): number | null {
    let oldest: number | null = null;
    for (const { conversion } of this.#byId.values()) {
      if (oldest === null || conversion.receivedAt < oldest) oldest = conversion.receivedAt;
    }
    return oldest;
  }

  /** Ignores a conversion of a partition that is owned elsewhere: its owner waits for the click. */
  add(conversion: ConversionDecided): void {
    if (this.#owned?.has(conversion.triggerPartition) === false) return;
    const known = this.#byId.get(conversion.conversionId);
    if (known !== undefined && known.conversion.revision >= conversion.revision) return;
    this.#byId.set(conversion.conversionId, { conversion, nextCheckAt: 0, watermark: null });
  }

  /** True while the conversion still waits as this very revision. */
  holds(conversion: ConversionDecided): boolean {
    return this.#byId.get(conversion.conversionId)?.conversion.revision === conversion.revision;
  }

  remove(conversionId: string): void {
    this.#byId.delete(conversionId);
  }

  /** Takes over what the store shows of a conversion: its wait goes on, or has ended elsewhere. */
  meet(stored: ConversionDecided): void {
    const held = this.#byId.get(stored.conversionId);
    if (stored.match === 'parked') this.add(stored);
    else if (held !== undefined && held.conversion.revision <= stored.revision)
      this.remove(stored.conversionId);
  }

  /** The partitions are dealt anew: forgets everything, and holds only what belongs to these from now on. */
  own(partitions: readonly number[]): void {
    this.#owned = new Set(partitions);
    this.#byId.clear();
  }

  /**
   * Of those whose next check or deadline has come, the ones that were given out longest ago, at most `limit`. They go
   * behind the others whatever comes of the look: those that nobody can decide yet must not keep the rest from their turn.
   */
  due(now: number, limit = Number.POSITIVE_INFINITY): readonly Parked[] {
    const due = [...this.#byId.values()]
      .filter(({ conversion, nextCheckAt }) => nextCheckAt <= now || (conversion.parkedUntil ?? 0) <= now)
      .slice(0, limit);
    for (const entry of due) {
      this.#byId.delete(entry.conversion.conversionId);
      this.#byId.set(entry.conversion.conversionId, entry);
    }
    return due;
  }

  /** Notes a look that found nothing. */
  checked(conversion: ConversionDecided, now: number, watermark: Watermark | null): void {
    if (!this.holds(conversion)) return;
    const nextCheckAt = nextCheckAfter(now, conversion.receivedAt);
    this.#byId.set(conversion.conversionId, { conversion, nextCheckAt, watermark });
  }
}

function nextCheckAfter(now: number, receivedAt: number): number {
  const next = CHECKS_AFTER_MS.map((afterMs) => receivedAt + afterMs).find((checkAt) => checkAt > now);
  return next ?? now + LATER_CHECKS_MS;
}
