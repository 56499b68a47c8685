/** Reversals: what each refund and chargeback takes back of its original, in the order they occurred, never more than was earned. */
import type { State } from '../conversion.ts';
import { type Money, multiplyByFraction } from '../money.ts';
import type { Outcome, Passed, PayoutPart, Undecided } from './conversion.ts';
import { eventTypeOf, occurredAtOf, statusOf, valuesOf } from './facts.ts';
import type { KnownFacts } from './known-facts.ts';
import type { Moment } from './moment.ts';
import { isForeign } from './named-click.ts';
import { compareOccurrence, compareText } from './ordering.ts';
import type { Reason } from './reasons.ts';
import { partsOf } from './settling.ts';
import { STANDARD_MODEL } from './terms.ts';

/** A sale before a subscription before a renewal; other classes by name. */
const CLASSES_BY_RANK: readonly string[] = ['purchase', 'subscription', 'renewal'];

/**
 * Which of the conversions of a transaction a reversal takes back: one with revenue before one without, then by class, then
 * the earliest. Reversals and facts that are not ours are none.
 */
export function originalOf(conversions: readonly Undecided[], known: KnownFacts): Undecided | null {
  const ranked = conversions
    .filter((conversion) => !isForeign(conversion, known))
    .map((conversion) => ({
      conversion,
      conversionId: conversion.conversionId,
      occurredAt: occurredAtOf(conversion.facts),
      hasRevenue: valuesOf(conversion.facts).revenue !== null,
    }))
    .toSorted(
      (a, b) =>
        Number(b.hasRevenue) - Number(a.hasRevenue) ||
        compareClasses(a.conversion.eventClass, b.conversion.eventClass) ||
        compareOccurrence(a, b),
    );
  return ranked[0]?.conversion ?? null;
}

function compareClasses(a: string, b: string): number {
  return classRank(a) - classRank(b) || compareText(a, b);
}

function classRank(eventClass: string): number {
  const rank = CLASSES_BY_RANK.indexOf(eventClass);
  return rank === -1 ? CLASSES_BY_RANK.length : rank;
}

/** What one reversal takes, as positive sums; parts are those of the payout. */
interface Taking {
  readonly revenue: Money | null;
  readonly payout: Money | null;
  readonly payoutParts: readonly PayoutPart[];
  readonly reasonCodes: readonly Reason[];
}

/** The original and its reversals after all of them have been served. */
export interface Reversed {
  readonly original: Outcome;
  /** By conversion id. */
  readonly reversals: ReadonlyMap<string, Outcome>;
}

/**
 * Serves all reversals of one original in the order (occurredAt, conversionId), always from the beginning: so the end does not
 * depend on which came first.
 *
 * | reversal | takes |
 * |---|---|
 * | approved, in the original's currency | what it asks, at most what is left; all that is left when it names no amount |
 * | pending or rejected, in another currency, or of a rejected original | nothing |
 *
 * Payout goes in proportion, each time as the difference of two sums rounded once, so a full reversal takes back exactly what
 * was paid, to every partner. An original without revenue goes whole with the first reversal.
 */
export function reverse(original: Undecided, earned: Outcome, reversals: readonly Undecided[]): Reversed {
  const outcomes = new Map<string, Outcome>();
  let taken: Taken = { revenueMicros: 0n, isWhole: false };
  for (const reversal of inOrder(reversals)) {
    const hindered = whyNothing(reversal, earned);
    const next = hindered === null ? grant(taken, askedOf(reversal), earned) : taken;
    const taking = takingOf(taken, next, earned);
    outcomes.set(reversal.conversionId, outcomeOfReversal(reversal, original, earned, hindered, taking));
    taken = next;
  }
  return { original: withTaken(earned, taken), reversals: outcomes };
}

interface Taken {
  readonly revenueMicros: bigint;
  /** Nothing is left, of revenue or of a conversion that has none. */
  readonly isWhole: boolean;
}

function inOrder(reversals: readonly Undecided[]): readonly Undecided[] {
  return reversals
    .map((reversal) => ({
      reversal,
      conversionId: reversal.conversionId,
      occurredAt: occurredAtOf(reversal.facts),
    }))
    .toSorted(compareOccurrence)
    .map(({ reversal }) => reversal);
}

/** What the sender asked for, as a positive sum; null: all. */
function askedOf({ facts }: Undecided): bigint | null {
  const { revenue } = valuesOf(facts);
  if (revenue === null) return null;
  return revenue.micros < 0n ? -revenue.micros : revenue.micros;
}

/** What there is to take back of the revenue. */
function earnedMicros({ revenue }: Outcome): bigint {
  return revenue === null || revenue.micros < 0n ? 0n : revenue.micros;
}

/** Never more than is left. */
export function grant(taken: Taken, asked: bigint | null, earned: Outcome): Taken {
  const all = earnedMicros(earned);
  if (all === 0n) return { revenueMicros: 0n, isWhole: true };
  const left = all - taken.revenueMicros;
  const granted = asked === null || asked > left ? left : asked;
  const revenueMicros = taken.revenueMicros + granted;
  return { revenueMicros, isWhole: revenueMicros === all };
}

/** The payout that goes with a sum of revenue taken back: rounded half-even, once. */
export function payoutTaken(taken: Taken, earned: Outcome): Money | null {
  if (earned.payout === null) return null;
  if (taken.isWhole) return earned.payout;
  const all = earnedMicros(earned);
  if (all === 0n) return { ...earned.payout, micros: 0n };
  return { ...earned.payout, micros: multiplyByFraction(earned.payout.micros, taken.revenueMicros, all) };
}

function takingOf(before: Taken, after: Taken, earned: Outcome): Taking {
  const [paidBefore, paidAfter] = [payoutTaken(before, earned), payoutTaken(after, earned)];
  const partsBefore = partsOf(paidBefore, earned.credits);
  const micros = after.revenueMicros - before.revenueMicros;
  return {
    revenue: earned.revenue === null ? null : { ...earned.revenue, micros },
    payout:
      paidAfter === null || paidBefore === null
        ? null
        : { ...paidAfter, micros: paidAfter.micros - paidBefore.micros },
    payoutParts: partsOf(paidAfter, earned.credits).map((part, index) => ({
      ...part,
      micros: part.micros - (partsBefore[index]?.micros ?? 0n),
    })),
    reasonCodes: before.isWhole ? ['nothing_left'] : [],
  };
}

/** Why a reversal takes nothing; null when it does. */
function whyNothing(
  reversal: Undecided,
  earned: Outcome,
): { readonly state: State; readonly reasonCodes: readonly Reason[] } | null {
  const { facts, orders } = reversal;
  if (orders.ruling === 'rejected') return { state: 'rejected', reasonCodes: [] };
  const status = orders.ruling === 'approved' ? 'approved' : statusOf(facts);
  if (status === 'rejected') return { state: 'rejected', reasonCodes: ['rejected_by_source'] };
  if (earned.state === 'rejected') return { state: 'rejected', reasonCodes: ['original_rejected'] };
  const { revenue } = valuesOf(facts);
  const isOtherCurrency =
    revenue !== null && earned.revenue !== null && revenue.currency !== earned.revenue.currency;
  if (isOtherCurrency) return { state: 'held', reasonCodes: ['currency_differs'] };
  return status === 'pending' ? { state: 'pending', reasonCodes: [] } : null;
}

function withTaken(earned: Outcome, taken: Taken): Outcome {
  if (taken.revenueMicros === 0n && !taken.isWhole) return earned;
  return {
    ...earned,
    state: taken.isWhole ? 'reversed' : earned.state,
    reversedRevenueMicros: earned.revenue === null ? null : taken.revenueMicros,
    reversedPayoutMicros: payoutTaken(taken, earned)?.micros ?? null,
  };
}

function outcomeOfReversal(
  reversal: Undecided,
  original: Undecided,
  earned: Outcome,
  hindered: ReturnType<typeof whyNothing>,
  taking: Taking,
): Outcome {
  const asked = askedOf(reversal);
  const granted = taking.revenue?.micros ?? null;
  const isLimited =
    hindered === null && asked !== null && granted !== null && granted < asked && granted > 0n;
  return {
    ...ownPart(reversal),
    match: earned.match,
    matchedBy: earned.match === 'attributed' ? 'original' : null,
    state: hindered?.state ?? stateLike(earned.state),
    reasonCodes: [
      ...(hindered?.reasonCodes ?? taking.reasonCodes),
      ...(isLimited ? ['amount_limited' as const] : []),
      // It waits with its original, for the same reason.
      ...(earned.match === 'parked' ? earned.reasonCodes.slice(0, 1) : []),
      ...reversal.orders.reasonCodes,
    ],
    revenue: negated(taking.revenue),
    payout: negated(taking.payout),
    payoutRule: earned.payoutRule,
    exchangeRateId: earned.exchangeRateId,
    payoutParts: taking.payoutParts.map((part) => ({ ...part, micros: -part.micros })),
    originalConversionId: original.conversionId,
    model: earned.model,
    credits: earned.credits,
    candidates: earned.candidates,
    winner: earned.winner,
  };
}

/** Money back stands where the money stood; of an original that is gone whole it counts like what was paid. */
function stateLike(state: State): State {
  return state === 'reversed' ? 'payable' : state;
}

function negated(money: Money | null): Money | null {
  return money === null ? null : { ...money, micros: -money.micros };
}

/** A reversal whose original is not known: held, for money is never taken back from nothing. */
export function awaitOriginal(
  reversal: Undecided,
  parkedForMs: number,
  { now, laneReadUntil }: Moment,
): { readonly outcome: Outcome; readonly passed: Passed } {
  const deadline = reversal.facts.receivedAt + parkedForMs;
  const { passed } = reversal;
  const hasWaited =
    (passed.waitedUntil !== null && passed.waitedUntil >= deadline) ||
    Math.min(now, laneReadUntil) >= deadline;
  const isRejected = statusOf(reversal.facts) === 'rejected' || reversal.orders.ruling === 'rejected';
  return {
    outcome: {
      ...ownPart(reversal),
      match: hasWaited ? 'unattributed' : 'parked',
      state: isRejected ? 'rejected' : 'held',
      reasonCodes: [
        'awaits_original',
        ...(hasWaited ? ['deadline_passed' as const] : []),
        ...reversal.orders.reasonCodes,
      ],
      parkedUntil: hasWaited ? null : deadline,
    },
    passed: hasWaited ? { ...passed, waitedUntil: deadline } : passed,
  };
}

/** What a reversal says by itself. */
function ownPart(reversal: Undecided): Outcome {
  const { facts } = reversal;
  const { revenue, taxMicros, shippingMicros } = valuesOf(facts);
  return {
    eventType: eventTypeOf(facts),
    status: statusOf(facts),
    occurredAt: occurredAtOf(facts),
    customerId: facts.customerId,
    match: 'parked',
    matchedBy: null,
    state: 'held',
    reasonCodes: [],
    parkedUntil: null,
    heldUntil: null,
    revenue: revenue === null ? null : { ...revenue, micros: 0n },
    taxMicros,
    shippingMicros,
    payout: null,
    payoutRule: null,
    exchangeRateId: null,
    payoutParts: [],
    reversedRevenueMicros: null,
    reversedPayoutMicros: null,
    askedMicros: askedOf(reversal),
    originalConversionId: null,
    isFirstOfCustomer: null,
    model: STANDARD_MODEL,
    credits: [],
    candidates: [],
    winner: null,
    namedClickId: null,
    isForeign: false,
  };
}
