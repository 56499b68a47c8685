/** How the money of a conversion came about: every step from the revenue that was sent to what is left of the payout, for people to follow. */
import { isReversal } from '../identity.ts';
import { divideHalfEven, type Money, moneyOf } from '../money.ts';
import {
  type Deduction,
  type PayoutAmount,
  type PayoutRule,
  type PayoutTier,
  payoutOf,
  payoutRuleFor,
} from '../payout.ts';
import { type CapLimit, type CapPeriod, type CapRule, periodOf } from './caps.ts';
import type { CapPlace, TierPlace } from './conversion.ts';
import type { ExchangeRate } from './exchange.ts';
import { tierKey } from './keys.ts';
import { type Credit, splitByCredits } from './splits.ts';

/** What is read of a decided conversion; meanings as in conversion.decided. */
export interface MoneyRecord {
  readonly lane: string;
  readonly offerId: string | null;
  readonly occurredAt: number;
  readonly eventType: string;
  readonly eventTypes: readonly string[];
  readonly partnerId: string | null;
  readonly isFirstOfCustomer: boolean | null;
  readonly revenueMicros: bigint | null;
  readonly currency: string | null;
  readonly taxMicros: bigint | null;
  readonly shippingMicros: bigint | null;
  readonly payoutMicros: bigint | null;
  readonly payoutCurrency: string | null;
  readonly payoutRule: string | null;
  readonly exchangeRateId: string | null;
  readonly reasonCodes: readonly string[];
  readonly credits: readonly Credit[];
  readonly payoutParts: readonly { readonly clickId: string; readonly micros: bigint }[];
  readonly capPlaces: readonly CapPlace[];
  readonly tierPlaces: readonly TierPlace[];
  readonly reversedRevenueMicros: bigint | null;
  readonly reversedPayoutMicros: bigint | null;
  readonly askedMicros: bigint | null;
  readonly ledger: {
    readonly firstCurrency: string | null;
    readonly updates: readonly { readonly field: string; readonly currency: string | null }[];
  };
}

/** The terms it was judged by. */
export interface MoneyTerms {
  readonly payouts: readonly PayoutRule[];
  readonly caps: readonly CapRule[];
  /** The rate that the record names; null when it names none. */
  readonly rate: ExchangeRate | null;
}

/** What a reversal takes back of. */
export type ReversedRecord = Pick<
  MoneyRecord,
  'revenueMicros' | 'currency' | 'payoutMicros' | 'payoutCurrency'
>;

export interface ExplainedCap {
  readonly capId: string;
  readonly periodStart: number;
  readonly isGranted: boolean;
  /** Counted on the cap, in the currency of its limit. */
  readonly payoutMicros: bigint;
  /** Null: the cap is not among the terms. */
  readonly period: CapPeriod | null;
  readonly limit: CapLimit | null;
}

export interface ExplainedPart extends Credit {
  readonly money: Money;
}

/**
 * In this order; a step that changes nothing is left out.
 *
 * | step | of | tells |
 * |---|---|---|
 * | revenue | every original | the revenue as sent; null: none was |
 * | default_value | a percentage | what stands in for a revenue that was not sent |
 * | net | a percentage | what is left of the revenue without tax or shipping |
 * | exchange | another currency | the same in the currency of the payout |
 * | rule | where a rule applies | the rule, its tier, and what it gives |
 * | cap | where a cap was asked | the places, and what the caps let through |
 * | asked, taken | a reversal | what its sender asked for, and what it took of its original |
 * | split | a payout | the parts of the clicks, which sum to it exactly |
 * | reversed | an original | what was taken back of it, and what is left |
 */
export type MoneyStep =
  | { readonly step: 'revenue' | 'default_value'; readonly money: Money | null }
  | {
      readonly step: 'net';
      /** Null: not sent, counts as zero. */
      readonly deductions: readonly { readonly deduction: Deduction; readonly micros: bigint | null }[];
      readonly money: Money;
    }
  | {
      readonly step: 'exchange';
      readonly exchangeRateId: string;
      /** Null: the rate cannot be found any more. */
      readonly rate: ExchangeRate | null;
      /** Rounded half-even to be shown: the rule goes on with the exact value. Null without a rate. */
      readonly money: Money | null;
      readonly isRounded: boolean;
    }
  | {
      readonly step: 'rule';
      /** As on record, e.g. `sale:percent`. */
      readonly rule: string;
      /** What the rule or its tier pays; null when the terms do not tell. */
      readonly pays: PayoutAmount | null;
      /** Number of the tier, from 1. */
      readonly tier: number | null;
      /** Where the tier begins: the number of a conversion, or micro-units of the rule's currency. */
      readonly tierFrom: bigint | null;
      /** How many conversions stood before it in the count of its tiers. */
      readonly tierPosition: number | null;
      readonly money: Money | null;
    }
  | { readonly step: 'cap'; readonly caps: readonly ExplainedCap[]; readonly money: Money | null }
  | { readonly step: 'asked'; readonly money: Money | null }
  | {
      readonly step: 'taken';
      readonly ofRevenue: Money | null;
      readonly ofPayout: Money | null;
      /** Not above zero. */
      readonly revenue: Money | null;
      readonly payout: Money | null;
    }
  | { readonly step: 'split'; readonly parts: readonly ExplainedPart[] }
  | {
      readonly step: 'reversed';
      readonly revenue: Money | null;
      readonly payout: Money | null;
      readonly revenueLeft: Money | null;
      readonly payoutLeft: Money | null;
    };

export interface MoneySteps {
  readonly steps: readonly MoneyStep[];
  /**
   * Whether the terms give what is on record: `differs` calls for a look. `not_checked`: no rule of theirs was applied, as to
   * a reversal, or the terms are not known.
   */
  readonly agreement: 'same' | 'differs' | 'not_checked';
}

/**
 * @param terms in force at occurredAt by the configuration that the decision had seen; null when they are not known.
 * @param original of a reversal; null while it is not known, and for every other conversion.
 */
export function moneyStepsOf(
  record: MoneyRecord,
  terms: MoneyTerms | null,
  original: ReversedRecord | null = null,
): MoneySteps {
  if ([record.eventType, ...record.eventTypes].some(isReversal)) return stepsOfReversal(record, original);
  const revenue = moneyOf(record.revenueMicros, record.currency);
  const paying = payingSteps(record, terms);
  return {
    steps: [
      { step: 'revenue', money: revenue },
      ...paying.steps,
      ...capStep(record, terms),
      ...splitStep(record),
      ...reversedStep(record),
    ],
    agreement: paying.agreement,
  };
}

function payingSteps(record: MoneyRecord, terms: MoneyTerms | null): MoneySteps {
  const { payoutRule, exchangeRateId } = record;
  if (payoutRule === null) return { steps: [], agreement: 'not_checked' };
  const rule = terms === null ? null : payoutRuleFor(record, terms.payouts);
  const paid = terms === null ? null : payoutAgain(record, terms, rule);
  if (rule === null || terms === null || paid?.rule !== payoutRule) {
    const exchange: readonly MoneyStep[] =
      exchangeRateId === null
        ? []
        : [{ step: 'exchange', exchangeRateId, rate: terms?.rate ?? null, money: null, isRounded: false }];
    return {
      steps: [...exchange, ruleStep(record, payoutRule, null, recordedPayout(record))],
      agreement: terms === null ? 'not_checked' : 'differs',
    };
  }
  const agrees = paid.exchangeRateId === exchangeRateId && isWhatCapsLeft(record, paid.money);
  return {
    steps: [...basisSteps(record, rule, terms.rate), ruleStep(record, payoutRule, rule, paid.money)],
    agreement: agrees ? 'same' : 'differs',
  };
}

/** What the rules pay before caps, reckoned by the same code as the decision. */
function payoutAgain(record: MoneyRecord, { payouts, rate }: MoneyTerms, rule: PayoutRule | null) {
  const tier = rule === null ? null : tierOf(rule, record.payoutRule);
  const isCounted = rule?.kind === 'count_tiers' && tier !== null;
  return payoutOf(
    {
      ...record,
      revenue: moneyOf(record.revenueMicros, record.currency),
      // Any place in the tier gives the same payout, so what a test or an old record does not tell is not missing.
      tierPosition: isCounted ? Number(tier.from) - 1 : 0,
      rates: { rate: (from, to) => (rate?.from === from && rate.to === to ? rate : null) },
    },
    payouts,
  );
}

/** Caps let a payout through whole, hold it at what it had, or give none. */
function isWhatCapsLeft(record: MoneyRecord, before: Money | null): boolean {
  const after = recordedPayout(record);
  if (!record.reasonCodes.includes('cap_reached')) return isSameMoney(before, after);
  return (
    after === null || (before !== null && after.currency === before.currency && after.micros <= before.micros)
  );
}

function isSameMoney(a: Money | null, b: Money | null): boolean {
  return a?.micros === b?.micros && a?.currency === b?.currency;
}

function recordedPayout({ payoutMicros, payoutCurrency }: ReversedRecord): Money | null {
  return moneyOf(payoutMicros, payoutCurrency);
}

/** What a percentage is of. */
function basisSteps(record: MoneyRecord, rule: PayoutRule, rate: ExchangeRate | null): readonly MoneyStep[] {
  const pays = amountOf(rule, record.payoutRule);
  if (pays?.kind !== 'percent' && rule.kind !== 'revenue_tiers') return [];
  const sent = moneyOf(record.revenueMicros, record.currency);
  const worth = sent ?? rule.defaultValue ?? null;
  if (worth === null) return [];
  const net = sent === null || pays?.kind !== 'percent' ? null : netStep(record, sent, pays.netOf ?? []);
  return [
    ...(sent === null ? [{ step: 'default_value' as const, money: worth }] : []),
    ...(net === null ? [] : [net]),
    ...exchangeStep(record, net?.money ?? worth, rate),
  ];
}

function netStep(
  { taxMicros, shippingMicros }: MoneyRecord,
  sent: Money,
  netOf: readonly Deduction[],
): (MoneyStep & { readonly step: 'net' }) | null {
  if (netOf.length === 0) return null;
  const amounts = { tax: taxMicros, shipping: shippingMicros };
  const deductions = netOf.map((deduction) => ({ deduction, micros: amounts[deduction] }));
  const micros = deductions.reduce((left, { micros: taken }) => left - (taken ?? 0n), sent.micros);
  return { step: 'net', deductions, money: { ...sent, micros } };
}

function exchangeStep(
  { exchangeRateId }: MoneyRecord,
  money: Money,
  rate: ExchangeRate | null,
): readonly MoneyStep[] {
  if (exchangeRateId === null) return [];
  if (rate === null) return [{ step: 'exchange', exchangeRateId, rate, money: null, isRounded: false }];
  const exact = money.micros * rate.numerator;
  const micros = divideHalfEven(exact, rate.denominator);
  const isRounded = micros * rate.denominator !== exact;
  return [{ step: 'exchange', exchangeRateId, rate, money: { micros, currency: rate.to }, isRounded }];
}

function ruleStep(
  record: MoneyRecord,
  name: string,
  rule: PayoutRule | null,
  money: Money | null,
): MoneyStep {
  const tier = rule === null ? null : tierOf(rule, name);
  return {
    step: 'rule',
    rule: name,
    pays: rule === null ? null : amountOf(rule, name),
    tier: tierNumberOf(name),
    tierFrom: tier?.from ?? null,
    tierPosition: rule?.kind === 'count_tiers' ? tierPositionOf(record) : null,
    money,
  };
}

function tierPositionOf({
  lane,
  offerId,
  partnerId,
  eventType,
  occurredAt,
  tierPlaces,
}: MoneyRecord): number | null {
  const counter = tierKey(lane, offerId ?? '', partnerId, eventType);
  const { periodStart } = periodOf('month', occurredAt);
  const place = tierPlaces.find((each) => each.key === counter && each.periodStart === periodStart);
  return place?.position ?? null;
}

function amountOf(rule: PayoutRule, name: string | null): PayoutAmount | null {
  if (rule.kind === 'fixed' || rule.kind === 'percent') return rule;
  return tierOf(rule, name)?.pays ?? null;
}

function tierOf(rule: PayoutRule, name: string | null): PayoutTier | null {
  if (rule.kind === 'fixed' || rule.kind === 'percent') return null;
  const number = tierNumberOf(name);
  return number === null ? null : (rule.tiers[number - 1] ?? null);
}

/** The last part of a rule's name is the number of its tier, where it has one. */
function tierNumberOf(name: string | null): number | null {
  const number = /:(\d+)$/.exec(name ?? '')?.[1];
  return number === undefined ? null : Number(number);
}

function capStep(record: MoneyRecord, terms: MoneyTerms | null): readonly MoneyStep[] {
  const { capPlaces, reasonCodes } = record;
  if (capPlaces.length === 0 && !reasonCodes.includes('cap_reached')) return [];
  const caps = capPlaces.map(({ capId, periodStart, isGranted, payoutMicros }) => {
    const cap = terms?.caps.find((each) => each.capId === capId);
    return {
      capId,
      periodStart,
      isGranted,
      payoutMicros,
      period: cap?.period ?? null,
      limit: cap?.limit ?? null,
    };
  });
  return [{ step: 'cap', caps, money: recordedPayout(record) }];
}

function splitStep(record: MoneyRecord): readonly MoneyStep[] {
  const { credits, payoutParts } = record;
  const payout = recordedPayout(record);
  if (payout === null || credits.length === 0) return [];
  // A revision of before the parts were kept has none: they follow from its credits.
  const reckoned = payoutParts.length === 0 ? splitByCredits(payout.micros, credits) : [];
  const parts = credits.map((credit, index) => {
    const kept = payoutParts.find(({ clickId }) => clickId === credit.clickId)?.micros;
    return { ...credit, money: { ...payout, micros: kept ?? reckoned[index] ?? 0n } };
  });
  return [{ step: 'split', parts }];
}

function reversedStep(record: MoneyRecord): readonly MoneyStep[] {
  const { reversedRevenueMicros, reversedPayoutMicros, currency, payoutCurrency } = record;
  if (reversedRevenueMicros === null && reversedPayoutMicros === null) return [];
  const revenue = moneyOf(record.revenueMicros, currency);
  const payout = recordedPayout(record);
  return [
    {
      step: 'reversed',
      revenue: moneyOf(reversedRevenueMicros, currency),
      payout: moneyOf(reversedPayoutMicros, payoutCurrency),
      revenueLeft: less(revenue, reversedRevenueMicros),
      payoutLeft: less(payout, reversedPayoutMicros),
    },
  ];
}

function less(money: Money | null, micros: bigint | null): Money | null {
  return money === null ? null : { ...money, micros: money.micros - (micros ?? 0n) };
}

function stepsOfReversal(record: MoneyRecord, original: ReversedRecord | null): MoneySteps {
  const asked: MoneyStep = { step: 'asked', money: moneyOf(record.askedMicros, askedCurrencyOf(record)) };
  if (original === null) return { steps: [asked], agreement: 'not_checked' };
  const taken: MoneyStep = {
    step: 'taken',
    ofRevenue: moneyOf(original.revenueMicros, original.currency),
    ofPayout: recordedPayout(original),
    revenue: moneyOf(record.revenueMicros, record.currency),
    payout: recordedPayout(record),
  };
  return { steps: [asked, taken, ...splitStep(record)], agreement: 'not_checked' };
}

/** The record's own currency is that of its original: what was asked in another one took nothing. */
function askedCurrencyOf({ ledger, currency }: MoneyRecord): string | null {
  const update = ledger.updates.find(({ field }) => field === 'revenue');
  return update?.currency ?? ledger.firstCurrency ?? currency;
}
