/** Caps: how many conversions, or how much payout, an offer pays for in a period; which apply, and whether one more fits. */
import type { Money } from '../money.ts';

/** Calendar periods in UTC; `total` has no end. */
export const CAP_PERIODS = ['hour', 'day', 'month', 'total'] as const;
export type CapPeriod = (typeof CAP_PERIODS)[number];

export type CapLimit =
  | { readonly kind: 'count'; readonly count: number }
  | { readonly kind: 'payout'; readonly money: Money };

/** One cap of an offer. */
export interface CapRule {
  /** Unique over all offers, e.g. `shoes:daily`. What a period has used stays with it when its limit is changed. */
  readonly capId: string;
  /** Null: of every partner. */
  readonly partnerId: string | null;
  /** Each partner has the whole limit for itself; otherwise all share it. */
  readonly isPerPartner: boolean;
  /** Null: of every event type, counted together. */
  readonly eventType: string | null;
  readonly period: CapPeriod;
  readonly limit: CapLimit;
}

/** Epoch milliseconds, UTC: `periodStart` is in the period, `periodEnd` is not; null when it has no end. */
export interface Period {
  readonly periodStart: number;
  readonly periodEnd: number | null;
}

/** A cap that a conversion falls under. `key` and `periodStart` name the counter; the scope says what it counts. */
export interface AppliedCap extends Period {
  readonly capId: string;
  readonly key: string;
  /** Whose conversions count; null: everybody's, with `isPerPartner` those without a partner. */
  readonly partnerId: string | null;
  readonly isPerPartner: boolean;
  /** Which event type counts; null: all. */
  readonly eventType: string | null;
  readonly limit: CapLimit;
}

/** What the conversions that got their place under a cap have used of it. */
export interface CapUse {
  readonly count: number;
  /** Of payouts in the currency of the limit. */
  readonly payoutMicros: bigint;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** The period an instant lies in. */
export function periodOf(period: CapPeriod, at: number): Period {
  if (period === 'total') return { periodStart: 0, periodEnd: null };
  if (period === 'month') {
    const day = new Date(at);
    const [year, month] = [day.getUTCFullYear(), day.getUTCMonth()];
    return { periodStart: Date.UTC(year, month), periodEnd: Date.UTC(year, month + 1) };
  }
  const lengthMs = period === 'hour' ? HOUR_MS : DAY_MS;
  const periodStart = Math.floor(at / lengthMs) * lengthMs;
  return { periodStart, periodEnd: periodStart + lengthMs };
}

/** Every cap the conversion falls under, in the order of the rules; it is paid only when it fits all of them. */
export function capsOf(
  rules: readonly CapRule[],
  conversion: { readonly partnerId: string | null; readonly eventType: string; readonly occurredAt: number },
): readonly AppliedCap[] {
  return rules
    .filter(
      ({ partnerId, eventType }) =>
        (partnerId === null || partnerId === conversion.partnerId) &&
        (eventType === null || eventType === conversion.eventType),
    )
    .map(({ capId, isPerPartner, eventType, period, limit, ...rule }) => ({
      capId,
      // No id has a colon in it, so the counter of one partner is never that of another cap.
      key: isPerPartner ? `${capId}:${conversion.partnerId ?? ''}` : capId,
      partnerId: isPerPartner ? conversion.partnerId : rule.partnerId,
      isPerPartner,
      eventType,
      limit,
      ...periodOf(period, conversion.occurredAt),
    }));
}

/**
 * Whether the conversion fits whole; a cap never pays a part. What costs nothing always fits a cap on payout.
 * A payout in another currency than the cap's never fits: the configuration refuses offers where that can happen.
 */
export function fitsCap({ limit }: Pick<AppliedCap, 'limit'>, used: CapUse, payout: Money | null): boolean {
  if (limit.kind === 'count') return used.count < limit.count;
  if (payout === null || payout.micros <= 0n) return true;
  return payout.currency === limit.money.currency && used.payoutMicros + payout.micros <= limit.money.micros;
}
