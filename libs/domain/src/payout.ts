/** What we owe a partner for a conversion: the payout rule of the offer that fits, exact to the micro-unit. */
import { type Period, periodOf } from './attribution/caps.ts';
import type { ExchangeRates } from './attribution/exchange.ts';
import { divideHalfEven, MAX_MICROS, MICROS_PER_UNIT, type Money } from './money.ts';

/** Why a payout is what it is, or why there is none; closed list, documented in docs/errors.md. */
export const PAYOUT_REASONS = [
  'revenue_missing',
  'default_value_used',
  'tax_not_sent',
  'shipping_not_sent',
  'base_not_positive',
  'below_first_tier',
  'not_first_of_customer',
  'customer_unknown',
  'exchange_rate_missing',
  'payout_out_of_bounds',
] as const;
export type PayoutReason = (typeof PAYOUT_REASONS)[number];

/** What a percentage may leave out of the revenue. */
export const DEDUCTIONS = ['tax', 'shipping'] as const;
export type Deduction = (typeof DEDUCTIONS)[number];

export type PayoutAmount =
  | { readonly kind: 'fixed'; readonly amount: Money }
  | {
      readonly kind: 'percent';
      /** Millionths of a percent, so 12.5 % is 12_500_000n. */
      readonly percentMicros: bigint;
      /** Taken off the revenue first; nothing when left out. What was not sent counts as zero, and that is told. */
      readonly netOf?: readonly Deduction[];
    };

export interface PayoutTier {
  /** The number of the first conversion it pays, or the smallest revenue in micros. */
  readonly from: bigint;
  readonly pays: PayoutAmount;
}

/**
 * The highest tier that is reached pays the whole conversion; below the first there is no payout.
 *
 * `count_tiers` go by the number of the conversion among those of the same partner, offer and event type in the calendar
 * month (UTC) of occurredAt, in log order: with tiers from 1 and from 101, the hundredth is paid by the first and the next
 * by the second. Nothing is paid again when a tier is reached, and a refund gives no number back: what a partner has been
 * told it earned does not change by what others buy later.
 *
 * `revenue_tiers` go by the revenue of the conversion itself, before anything is taken off, in the rule's currency.
 */
export interface PayoutTiers {
  readonly kind: 'count_tiers' | 'revenue_tiers';
  /** Lowest first. */
  readonly tiers: readonly PayoutTier[];
}

/** One line of an offer's terms. */
export type PayoutRule = {
  readonly eventType: string;
  /** Null: every partner. */
  readonly partnerId: string | null;
  /** Only for the customer's first conversion of its class. */
  readonly firstOfCustomerOnly?: boolean;
  /** What it pays in; null or left out: a percentage pays in the currency of the revenue. `revenue_tiers` need one. */
  readonly currency?: string | null;
  /** Stands in for a revenue that was not sent. */
  readonly defaultValue?: Money | null;
} & (PayoutAmount | PayoutTiers);

/** What the rules read of a conversion. */
export interface PayoutInput {
  readonly eventType: string;
  readonly partnerId: string | null;
  readonly revenue: Money | null;
  /** In the currency of the revenue, as sent. */
  readonly taxMicros: bigint | null;
  readonly shippingMicros: bigint | null;
  /** Null: the customer is unknown. */
  readonly isFirstOfCustomer: boolean | null;
  /** How many conversions count before it in the period of its tier; see {@link tierPeriodOf}. */
  readonly tierPosition: number;
  /** In force when the conversion occurred. */
  readonly rates: ExchangeRates;
}

export interface Payout {
  /** Never below zero. Null: a rule applies and gives none, for the last of the reasons. */
  readonly money: Money | null;
  /** Names the rule in the decision: event type, `first`, kind, number of the tier; e.g. `sale:percent`, `sale:first:count_tiers:2`. */
  readonly rule: string;
  /** The rate by which revenue was exchanged; null when none was needed. */
  readonly exchangeRateId: string | null;
  /** In the order in which the rules came to them. */
  readonly reasons: readonly PayoutReason[];
}

const HUNDRED_PERCENT_MICROS = 100n * MICROS_PER_UNIT;

/**
 * What the conversion is paid; null when no rule is for its event type and partner.
 *
 * A rule for the partner goes before one for all, and of either a rule for first customers before one for everybody. A rule
 * for first customers that does not fit is passed over, so that a lower payout for repeat orders can stand beside it. A
 * customer who is not known is not a first one.
 *
 * A percentage of nothing, or of less than nothing, is zero; a fixed amount is paid whatever the revenue. Whatever is
 * taken off, multiplied and exchanged is rounded half-even once, at the end.
 */
export function payoutOf(input: PayoutInput, rules: readonly PayoutRule[]): Payout | null {
  const { rule, passedOver } = choose(input, rules);
  const named = rule ?? passedOver;
  if (named === null) return null;
  const outcome = rule === null ? nothing() : paidBy(rule, input);
  return {
    money: outcome.money,
    rule: outcome.tier === null ? nameOf(named) : `${nameOf(named)}:${outcome.tier}`,
    exchangeRateId: outcome.exchangeRateId,
    reasons: [...(passedOver === null ? [] : [whyNotFirst(input)]), ...outcome.reasons],
  };
}

/**
 * The period in which the conversions of the same partner and event type of the offer are counted for `tierPosition`; null
 * when its payout does not depend on their number.
 */
export function tierPeriodOf(
  conversion: Pick<PayoutInput, 'eventType' | 'partnerId' | 'isFirstOfCustomer'> & {
    readonly occurredAt: number;
  },
  rules: readonly PayoutRule[],
): Period | null {
  const { rule } = choose(conversion, rules);
  return rule?.kind === 'count_tiers' ? periodOf('month', conversion.occurredAt) : null;
}

/** The rule that {@link payoutOf} pays by; null when none fits. */
export function payoutRuleFor(
  conversion: Pick<PayoutInput, 'eventType' | 'partnerId' | 'isFirstOfCustomer'>,
  rules: readonly PayoutRule[],
): PayoutRule | null {
  return choose(conversion, rules).rule;
}

interface Choice {
  /** Null when none fits. */
  readonly rule: PayoutRule | null;
  /** The rule for first customers that would have gone before. */
  readonly passedOver: PayoutRule | null;
}

function choose(
  conversion: Pick<PayoutInput, 'eventType' | 'partnerId' | 'isFirstOfCustomer'>,
  rules: readonly PayoutRule[],
): Choice {
  const ranked = rules
    .filter(
      ({ eventType, partnerId }) =>
        eventType === conversion.eventType && (partnerId === null || partnerId === conversion.partnerId),
    )
    .toSorted((a, b) => rankOf(a) - rankOf(b));
  const foremost = ranked[0] ?? null;
  const rule =
    ranked.find((each) => each.firstOfCustomerOnly !== true || conversion.isFirstOfCustomer) ?? null;
  return { rule, passedOver: rule === foremost ? null : foremost };
}

function whyNotFirst({ isFirstOfCustomer }: PayoutInput): PayoutReason {
  return isFirstOfCustomer === null ? 'customer_unknown' : 'not_first_of_customer';
}

function rankOf({ partnerId, firstOfCustomerOnly }: PayoutRule): number {
  return (partnerId === null ? 2 : 0) + (firstOfCustomerOnly === true ? 0 : 1);
}

interface Outcome {
  readonly money: Money | null;
  readonly exchangeRateId: string | null;
  readonly reasons: readonly PayoutReason[];
  /** Number of the tier, from 1. */
  readonly tier: number | null;
}

function nothing(...reasons: readonly PayoutReason[]): Outcome {
  return { money: null, exchangeRateId: null, reasons, tier: null };
}

function paidBy(rule: PayoutRule, input: PayoutInput): Outcome {
  if (rule.kind === 'fixed') return fixed(rule.amount);
  if (rule.kind === 'percent') {
    const worth = worthOf(rule, input);
    return worth.ok ? percentage(rule, worth, input) : nothing(...worth.reasons);
  }
  if (rule.kind === 'count_tiers') return tierByCount(rule, input);
  return tierByRevenue(rule, input);
}

function fixed(money: Money): Outcome {
  return { money, exchangeRateId: null, reasons: [], tier: null };
}

function tierByCount(rule: PayoutRule & PayoutTiers, input: PayoutInput): Outcome {
  const tier = tierAt(rule.tiers, (from) => from <= BigInt(input.tierPosition) + 1n);
  if (tier === null) return nothing('below_first_tier');
  const { pays, number } = tier;
  if (pays.kind === 'fixed') return { ...fixed(pays.amount), tier: number };
  const worth = worthOf(rule, input);
  return { ...(worth.ok ? percentage(pays, worth, input) : nothing(...worth.reasons)), tier: number };
}

function tierByRevenue(rule: PayoutRule & PayoutTiers, input: PayoutInput): Outcome {
  const worth = worthOf(rule, input);
  if (!worth.ok) return nothing(...worth.reasons);
  const { exchangeRateId, reasons } = worth;
  // Compared as fractions: a revenue a hair below the tier stays below it.
  const exchanged = worth.money.micros * worth.numerator;
  const tier = tierAt(rule.tiers, (from) => from * worth.denominator <= exchanged);
  if (tier === null) return { ...nothing(...reasons, 'below_first_tier'), exchangeRateId };
  const { pays, number } = tier;
  if (pays.kind === 'percent') return { ...percentage(pays, worth, input), tier: number };
  return { money: pays.amount, exchangeRateId, reasons, tier: number };
}

function tierAt(
  tiers: readonly PayoutTier[],
  isReached: (from: bigint) => boolean,
): { readonly pays: PayoutAmount; readonly number: number } | null {
  const place = tiers.findLastIndex(({ from }) => isReached(from));
  const tier = tiers[place];
  return tier === undefined ? null : { pays: tier.pays, number: place + 1 };
}

/** What a percentage is of, and the fraction that exchanges it into the currency of the payout. */
interface Worth {
  readonly ok: true;
  readonly money: Money;
  readonly isDefault: boolean;
  readonly currency: string;
  readonly numerator: bigint;
  readonly denominator: bigint;
  readonly exchangeRateId: string | null;
  readonly reasons: readonly PayoutReason[];
}

function worthOf(
  rule: PayoutRule,
  { revenue, rates }: PayoutInput,
): Worth | { readonly ok: false; readonly reasons: readonly PayoutReason[] } {
  const money = revenue ?? rule.defaultValue ?? null;
  if (money === null) return { ok: false, reasons: ['revenue_missing'] };
  const isDefault = revenue === null;
  const reasons: readonly PayoutReason[] = isDefault ? ['default_value_used'] : [];
  const currency = rule.currency ?? money.currency;
  if (currency === money.currency)
    return {
      ok: true,
      money,
      isDefault,
      currency,
      numerator: 1n,
      denominator: 1n,
      exchangeRateId: null,
      reasons,
    };
  const rate = rates.rate(money.currency, currency);
  if (rate === null) return { ok: false, reasons: [...reasons, 'exchange_rate_missing'] };
  const { numerator, denominator, id: exchangeRateId } = rate;
  return { ok: true, money, isDefault, currency, numerator, denominator, exchangeRateId, reasons };
}

function percentage(
  { percentMicros, netOf = [] }: PayoutAmount & { kind: 'percent' },
  worth: Worth,
  input: PayoutInput,
): Outcome {
  const { currency, exchangeRateId } = worth;
  const { base, unsent } = worth.isDefault
    ? { base: worth.money.micros, unsent: [] }
    : withoutDeductions(worth.money.micros, netOf, input);
  const reasons = [...worth.reasons, ...unsent];
  if (base <= 0n)
    return {
      money: { micros: 0n, currency },
      exchangeRateId,
      reasons: [...reasons, 'base_not_positive'],
      tier: null,
    };
  const micros = divideHalfEven(
    base * percentMicros * worth.numerator,
    HUNDRED_PERCENT_MICROS * worth.denominator,
  );
  if (micros > MAX_MICROS) return { ...nothing(...reasons, 'payout_out_of_bounds'), exchangeRateId };
  return { money: { micros, currency }, exchangeRateId, reasons, tier: null };
}

function withoutDeductions(
  revenueMicros: bigint,
  netOf: readonly Deduction[],
  { taxMicros, shippingMicros }: PayoutInput,
): { readonly base: bigint; readonly unsent: readonly PayoutReason[] } {
  const sent = { tax: taxMicros, shipping: shippingMicros };
  return {
    base: netOf.reduce((base, deduction) => base - (sent[deduction] ?? 0n), revenueMicros),
    unsent: netOf
      .filter((deduction) => sent[deduction] === null)
      .map((deduction) => `${deduction}_not_sent` as const),
  };
}

function nameOf({ eventType, firstOfCustomerOnly, kind }: PayoutRule): string {
  return firstOfCustomerOnly === true ? `${eventType}:first:${kind}` : `${eventType}:${kind}`;
}
