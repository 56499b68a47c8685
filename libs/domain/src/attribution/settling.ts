/** Settling a conversion that is no reversal: match, state and payout, as if nothing had been taken back yet. */
import type { State } from '../conversion.ts';
import type { Money } from '../money.ts';
import { payoutOf } from '../payout.ts';
import { abuseOf } from './abuse.ts';
import { conditionOf } from './conditions.ts';
import type { FirstCome, Outcome, Passed, PayoutPart, Undecided } from './conversion.ts';
import { eventTypeOf, judgedAtOf, occurredAtOf, statusOf, valuesOf } from './facts.ts';
import { capped, isFirstOfCustomer, keptPlaces, type Payee, tierPlaceOf } from './first-come.ts';
import type { KnownFacts } from './known-facts.ts';
import { type Matching, matchOf } from './matching.ts';
import type { Credit } from './models.ts';
import type { Moment } from './moment.ts';
import type { Reason } from './reasons.ts';
import { splitByCredits } from './splits.ts';
import { STANDARD_MODEL } from './terms.ts';

/** Decided whole from what is known now; nothing of the latest outcome is taken over. */
export interface Settled {
  readonly outcome: Outcome;
  readonly firstCome: FirstCome;
  readonly passed: Passed;
}

export function settle(conversion: Undecided, known: KnownFacts, moment: Moment): Settled {
  const matching = matchOf(conversion, known, moment);
  const standing = standingOf(conversion, matching, known, moment);
  const isFirst = isFirstOfCustomer(conversion, known);
  const paid = payoutFor(conversion, matching, standing.state, isFirst, known);
  const { facts, orders } = conversion;
  const { revenue, taxMicros, shippingMicros } = valuesOf(facts);
  const outcome: Outcome = {
    eventType: eventTypeOf(facts),
    status: statusOf(facts),
    occurredAt: occurredAtOf(facts),
    customerId: facts.customerId,
    match: matching.match,
    matchedBy: matching.matchedBy,
    state: standing.state,
    reasonCodes: [
      ...matching.reasonCodes,
      ...standing.reasonCodes,
      ...paid.reasonCodes,
      ...new Set([...orders.reasonCodes, ...(orders.erasedFor === null ? [] : [orders.erasedFor])]),
    ],
    parkedUntil: matching.parkedUntil,
    heldUntil: standing.heldUntil,
    revenue,
    taxMicros,
    shippingMicros,
    payout: paid.payout,
    payoutRule: paid.rule,
    exchangeRateId: paid.exchangeRateId,
    payoutParts: partsOf(paid.payout, matching.credits),
    reversedRevenueMicros: null,
    reversedPayoutMicros: null,
    askedMicros: null,
    originalConversionId: null,
    isFirstOfCustomer: isFirst,
    model: matching.terms?.model ?? STANDARD_MODEL,
    credits: matching.credits,
    candidates: matching.candidates,
    winner: matching.winner,
    namedClickId: matching.namedClickId,
    isForeign: matching.isForeign,
  };
  return { outcome, firstCome: paid.firstCome, passed: standing.passed };
}

/** Where the money stands, before reversals. */
interface Standing {
  readonly state: State;
  readonly reasonCodes: readonly Reason[];
  readonly heldUntil: number | null;
  readonly passed: Passed;
}

/** Rejected goes before held, held before pending, pending before payable. */
function standingOf(conversion: Undecided, matching: Matching, known: KnownFacts, moment: Moment): Standing {
  const { facts, orders } = conversion;
  const { passed } = matching;
  const standing = (state: State, ...reasonCodes: readonly Reason[]): Standing => ({
    state,
    reasonCodes,
    heldUntil: null,
    passed,
  });
  if (orders.ruling === 'rejected') return standing('rejected');
  // The reason is among those of the match.
  if (matching.isForeign) return standing('rejected');
  const status = orders.ruling === 'approved' ? 'approved' : statusOf(facts);
  if (status === 'rejected') return standing('rejected', 'rejected_by_source');
  const found = standingByTerms({ ...conversion, passed }, matching, known, moment);
  if (found !== null) return found;
  return standing(status === 'pending' ? 'pending' : 'payable');
}

/** What the offer's terms hold against it; null: nothing. Who released or approved it has looked at all of that. */
function standingByTerms(
  conversion: Undecided,
  { terms, winner }: Matching,
  known: KnownFacts,
  moment: Moment,
): Standing | null {
  const { passed, orders } = conversion;
  if (terms === null || winner === null || orders.ruling !== null) return null;
  const findings = abuseOf(conversion, winner, terms.abuse, known);
  const rejecting = findings.filter(({ action }) => action === 'reject').map(({ reasonCode }) => reasonCode);
  if (rejecting.length > 0) return { state: 'rejected', reasonCodes: rejecting, heldUntil: null, passed };
  const holding: Reason[] = findings.map(({ reasonCode }) => reasonCode);
  const condition = terms.condition === null ? null : conditionOf(conversion, terms.condition, known, moment);
  if (condition?.kind === 'expired') {
    const { heldUntil } = condition;
    return {
      state: 'rejected',
      reasonCodes: ['condition_expired'],
      heldUntil,
      passed: { ...passed, heldUntil },
    };
  }
  if (condition?.kind === 'awaited')
    return {
      state: 'held',
      reasonCodes: [...holding, 'awaits_condition'],
      heldUntil: condition.heldUntil,
      passed,
    };
  return holding.length === 0 ? null : { state: 'held', reasonCodes: holding, heldUntil: null, passed };
}

interface Paid {
  readonly payout: Money | null;
  readonly rule: string | null;
  readonly exchangeRateId: string | null;
  readonly reasonCodes: readonly Reason[];
  readonly firstCome: FirstCome;
}

/** Nothing for what is not attributed or rejected; what is held or pending shows what it would be paid, and takes its places. */
function payoutFor(
  conversion: Undecided,
  { terms, winner }: Matching,
  state: State,
  isFirst: boolean | null,
  known: KnownFacts,
): Paid {
  const { facts, firstCome } = conversion;
  const unpaid: Paid = {
    payout: null,
    rule: null,
    exchangeRateId: null,
    reasonCodes: [],
    firstCome:
      firstCome.isFirstOfCustomer === isFirst ? firstCome : { ...firstCome, isFirstOfCustomer: isFirst },
  };
  if (terms === null || winner === null || state === 'rejected') return unpaid;
  const payee: Payee = {
    terms,
    eventType: eventTypeOf(facts),
    partnerId: winner.partnerId,
    isFirstOfCustomer: isFirst,
  };
  const tier = tierPlaceOf(conversion, payee, known);
  const { revenue, taxMicros, shippingMicros } = valuesOf(facts);
  const rates = known.rates(judgedAtOf(facts));
  const paid = payoutOf(
    { ...payee, revenue, taxMicros, shippingMicros, tierPosition: tier?.position ?? 0, rates },
    terms.payouts,
  );
  if (paid === null) return unpaid;
  const result = paid.money === null ? null : capped(conversion, payee, paid.money, known);
  const caps = result?.caps ?? firstCome.caps;
  return {
    payout: result?.payout ?? null,
    rule: paid.rule,
    exchangeRateId: paid.exchangeRateId,
    reasonCodes: result?.isReached ? [...paid.reasons, 'cap_reached'] : paid.reasons,
    firstCome: keptPlaces(firstCome, {
      isFirstOfCustomer: isFirst,
      tier: conversion.isTest ? null : tier,
      caps,
    }),
  };
}

/** Splits a payout over the credits. */
export function partsOf(payout: Money | null, credits: readonly Credit[]): readonly PayoutPart[] {
  if (payout === null) return [];
  const parts = splitByCredits(payout.micros, credits);
  return credits.map(({ clickId, partnerId }, index) => ({ clickId, partnerId, micros: parts[index] ?? 0n }));
}
