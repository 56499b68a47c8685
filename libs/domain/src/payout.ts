/** What we owe a partner for a conversion: the first payout rule of the offer that fits. */
import { MAX_MICROS, MICROS_PER_UNIT, type Money, multiplyByFraction } from './money.ts';

/** One line of an offer's terms; a rule for a partner goes before one for all. */
export type PayoutRule = {
  readonly eventType: string;
  /** Null: every partner. */
  readonly partnerId: string | null;
} & (
  | { readonly kind: 'fixed'; readonly amount: Money }
  /** `percentMicros`: millionths of a percent of the revenue, so 12.5 % is 12_500_000n. */
  | { readonly kind: 'percent'; readonly percentMicros: bigint }
);

export interface Payout {
  readonly money: Money;
  /** Names the rule in the decision, e.g. `sale:percent`. */
  readonly rule: string;
}

const HUNDRED_PERCENT_MICROS = 100n * MICROS_PER_UNIT;

/** Null when no rule fits, a percentage has no revenue to be of, or comes to more than money can hold. Rounds half-even, once. */
export function payoutOf(
  conversion: {
    readonly eventType: string;
    readonly partnerId: string | null;
    readonly revenue: Money | null;
  },
  rules: readonly PayoutRule[],
): Payout | null {
  const fitting = rules.filter(({ eventType }) => eventType === conversion.eventType);
  const rule =
    fitting.find(({ partnerId }) => partnerId !== null && partnerId === conversion.partnerId) ??
    fitting.find(({ partnerId }) => partnerId === null);
  if (rule === undefined) return null;
  const name = `${rule.eventType}:${rule.kind}`;
  if (rule.kind === 'fixed') return { money: rule.amount, rule: name };
  if (conversion.revenue === null) return null;
  const { currency } = conversion.revenue;
  const micros = multiplyByFraction(conversion.revenue.micros, rule.percentMicros, HUNDRED_PERCENT_MICROS);
  return micros > MAX_MICROS ? null : { money: { micros, currency }, rule: name };
}
