/** The guard of a destination: for some time after a change of its configuration, what looks like a mistake is held before it is told. */
import type { Money } from './money.ts';

/**
 * Why something is held.
 *
 * | reason         | what is out of the ordinary                                    |
 * |----------------|----------------------------------------------------------------|
 * | guard_value    | an amount above the limit of its currency                      |
 * | guard_currency | an amount in a currency without a limit, where others have one |
 * | guard_rate     | more than so many within an hour                               |
 */
export const GUARD_REASONS = ['guard_value', 'guard_currency', 'guard_rate'] as const;
export type GuardReason = (typeof GUARD_REASONS)[number];

/** All times are epoch milliseconds. */
export interface OutlierGuard {
  /** For how long after a change it holds anything, in milliseconds. */
  readonly forMs: number;
  /** The largest amount by currency that passes; null: amounts are not judged. */
  readonly maxValue: ReadonlyMap<string, bigint> | null;
  /** How many pass within an hour; null: they are not counted. */
  readonly maxPerHour: number | null;
  /** A person has looked at what was decided until then: it passes. */
  readonly releasedAt: number | null;
}

export interface GuardCase {
  readonly guard: OutlierGuard;
  /** The amounts that the receiver is to be told. */
  readonly amounts: readonly Money[];
  readonly decidedAt: number;
  /** How many have passed within the last hour. */
  readonly passed: number;
  /** When what decides how the receiver is told was changed last; asked only of an outlier. */
  readonly changedAt: () => number;
  readonly now: number;
}

export type GuardVerdict =
  | { readonly kind: 'pass' }
  /** `until`: from then on it passes by itself. */
  | { readonly kind: 'hold'; readonly reason: GuardReason; readonly until: number };

const PASS: GuardVerdict = { kind: 'pass' };

export function guardVerdict(given: GuardCase): GuardVerdict {
  const { guard, decidedAt, changedAt, now } = given;
  const reason = outlierReason(given);
  if (reason === null) return PASS;
  if (guard.releasedAt !== null && decidedAt <= guard.releasedAt) return PASS;
  const until = changedAt() + guard.forMs;
  return now < until ? { kind: 'hold', reason, until } : PASS;
}

function outlierReason({ guard, amounts, passed }: GuardCase): GuardReason | null {
  const { maxValue, maxPerHour } = guard;
  if (maxValue !== null) {
    for (const { micros, currency } of amounts) {
      // Nothing is the same in every currency, and a correction to nothing is no outlier.
      if (micros === 0n) continue;
      const limit = maxValue.get(currency);
      if (limit === undefined) return 'guard_currency';
      if (micros > limit) return 'guard_value';
    }
  }
  return maxPerHour !== null && passed >= maxPerHour ? 'guard_rate' : null;
}

export function isGuardReason(text: string | null): text is GuardReason {
  return GUARD_REASONS.some((reason) => reason === text);
}

const MINUTE_MS = 60_000;
const MINUTES = 60;

/** How many have passed within the last hour: counted by the minute, so never fewer than there were. */
export class PassedWithinHour {
  readonly #byMinute = new Map<number, number>();

  note(now: number): void {
    const minute = Math.floor(now / MINUTE_MS);
    this.#byMinute.set(minute, (this.#byMinute.get(minute) ?? 0) + 1);
  }

  /** One that was noted at `at` has not passed after all. */
  takeBack(at: number): void {
    const minute = Math.floor(at / MINUTE_MS);
    const noted = this.#byMinute.get(minute) ?? 0;
    if (noted > 0) this.#byMinute.set(minute, noted - 1);
  }

  count(now: number): number {
    const oldest = Math.floor(now / MINUTE_MS) - MINUTES;
    let count = 0;
    for (const [minute, noted] of this.#byMinute) {
      if (minute < oldest) this.#byMinute.delete(minute);
      else count += noted;
    }
    return count;
  }
}
