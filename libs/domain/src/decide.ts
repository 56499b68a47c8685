/** The decision core: what attribution makes of one postback, as a pure function of the facts and the terms in force. */
import { NO_EXCHANGE_RATES } from './attribution/exchange.ts';
import { isUuid } from './click.ts';
import type { Match, State, Verdict } from './conversion.ts';
import { isReversal } from './identity.ts';
import type { Money } from './money.ts';
import { type PayoutRule, payoutOf } from './payout.ts';

/** Why a receipt was not counted, or a click not credited; closed list, documented in docs/errors.md. */
export const DECISION_REASONS = [
  'values_differ',
  'click_of_other_advertiser',
  'click_not_found',
  'click_id_missing',
  'click_id_malformed',
  'before_click',
  'outside_window',
  'deadline_passed',
  'awaits_original',
  'test_mixed_with_live',
] as const;
export type DecisionReason = (typeof DECISION_REASONS)[number];

/** The part of a postback the rules read; meanings as in postback.received. */
export interface ConversionFacts {
  readonly receiptId: string;
  readonly advertiserId: string;
  readonly eventType: string;
  readonly status: 'pending' | 'approved' | 'rejected';
  readonly clickId: string | null;
  readonly revenue: Money | null;
  readonly occurredAt: number;
  readonly receivedAt: number;
  readonly valueDigest: string;
  readonly isTest: boolean;
}

/** The part of a click the rules read. */
export interface CandidateClick {
  readonly clickId: string;
  readonly advertiserId: string;
  readonly campaignId: string;
  readonly partnerId: string | null;
  readonly clickedAt: number;
  readonly isTest: boolean;
}

/** What is already decided about the same identity. */
export interface EarlierDecision {
  readonly revision: number;
  readonly receiptId: string;
  readonly match: Match;
  readonly valueDigest: string;
}

/** The offer's terms for this event type, in force at occurredAt. */
export interface Terms {
  /** Click-to-conversion time, milliseconds, both ends included. */
  readonly minMs: number;
  readonly maxMs: number;
  readonly payouts: readonly PayoutRule[];
}

export interface Candidate {
  readonly clickId: string;
  readonly campaignId: string | null;
  readonly clickedAt: number | null;
  readonly outcome: 'won' | 'lost' | 'missing';
  readonly reasonCode: DecisionReason | null;
}

/** The new revision of a conversion, as far as the rules decide it. */
export interface Decision {
  readonly revision: number;
  readonly match: Match;
  readonly state: State;
  readonly reasonCodes: readonly DecisionReason[];
  readonly parkedUntil: number | null;
  readonly payout: { readonly money: Money; readonly rule: string } | null;
  readonly candidates: readonly Candidate[];
  /** The click that gets the whole credit; null when none does. */
  readonly winner: string | null;
}

export interface Judgement {
  readonly verdict: Verdict;
  readonly reasonCode: DecisionReason | null;
  /** The revision the receipt led to or met; null for a rejected receipt. */
  readonly revision: number | null;
  /** The revision to record; null when the receipt changes nothing. */
  readonly decision: Decision | null;
}

/** The edge clock and the source's clock may disagree this much before "converted before the click" is held against it. */
const CLOCK_SKEW_MS = 60_000;

/**
 * Judges one receipt.
 *
 * @param earlier the latest decision of the same identity, if there is one.
 * @param click the click the postback names, if ClickHouse shows it.
 * @param terms the terms of that click's offer; null without a click.
 * @param parkedForMs how long a postback waits for its click.
 */
export function judge(input: {
  readonly facts: ConversionFacts;
  readonly earlier: EarlierDecision | null;
  readonly click: CandidateClick | null;
  readonly terms: Terms | null;
  readonly parkedForMs: number;
}): Judgement {
  const { facts, earlier, click, terms } = input;
  if (earlier !== null) return judgeRepeat(facts, earlier);
  if (click !== null && click.advertiserId !== facts.advertiserId)
    return rejected('click_of_other_advertiser');
  if (click !== null && click.isTest !== facts.isTest) return rejected('test_mixed_with_live');
  if (click === null || terms === null) return judgeWithoutClick(facts, facts.receivedAt + input.parkedForMs);
  return {
    verdict: 'counted',
    reasonCode: null,
    revision: 1,
    decision: decideWithClick(facts, click, terms, 1),
  };
}

/**
 * The next revision of a parked conversion whose click has become visible, or null while it must go on waiting.
 * A click it may not match (another advertiser's, test mixed with live) counts as no click: the wait goes on.
 */
export function rematch(
  facts: ConversionFacts,
  revision: number,
  click: CandidateClick | null,
  terms: Terms | null,
): Decision | null {
  if (click === null || terms === null) return null;
  if (click.advertiserId !== facts.advertiserId || click.isTest !== facts.isTest) return null;
  return decideWithClick(facts, click, terms, revision + 1);
}

/** The last revision of a parked conversion whose deadline has passed without a click. */
export function giveUpWaiting(facts: ConversionFacts, revision: number): Decision {
  return {
    ...withoutClick(facts, revision + 1, 'deadline_passed'),
    candidates: [missing(facts.clickId ?? '')],
  };
}

/** Same identity again: its own receipt once more (after a crash), a plain repeat, or other values, of which the first stand. */
function judgeRepeat(facts: ConversionFacts, earlier: EarlierDecision): Judgement {
  const met = { revision: earlier.revision, decision: null };
  if (earlier.receiptId === facts.receiptId) {
    const isWaiting = earlier.match === 'parked';
    return {
      verdict: isWaiting ? 'parked' : 'counted',
      reasonCode: isWaiting ? 'click_not_found' : null,
      ...met,
    };
  }
  if (earlier.valueDigest === facts.valueDigest) return { verdict: 'duplicate_of', reasonCode: null, ...met };
  return { verdict: 'conflict', reasonCode: 'values_differ', ...met };
}

function judgeWithoutClick(facts: ConversionFacts, parkedUntil: number): Judgement {
  if (facts.clickId === null || !isUuid(facts.clickId)) {
    const reason = facts.clickId === null ? 'click_id_missing' : 'click_id_malformed';
    const candidates =
      facts.clickId === null ? [] : [{ ...missing(facts.clickId), reasonCode: reason } as const];
    const decision = { ...withoutClick(facts, 1, reason), candidates };
    return { verdict: 'counted', reasonCode: null, revision: 1, decision };
  }
  const decision: Decision = {
    revision: 1,
    match: 'parked',
    state: stateOf(facts),
    reasonCodes: ['click_not_found'],
    parkedUntil,
    payout: null,
    candidates: [missing(facts.clickId)],
    winner: null,
  };
  return { verdict: 'parked', reasonCode: 'click_not_found', revision: 1, decision };
}

function decideWithClick(
  facts: ConversionFacts,
  click: CandidateClick,
  terms: Terms,
  revision: number,
): Decision {
  const lostBy = whyLost(facts, click, terms);
  const candidate = { clickId: click.clickId, campaignId: click.campaignId, clickedAt: click.clickedAt };
  if (lostBy !== null) {
    return {
      ...withoutClick(facts, revision, lostBy),
      candidates: [{ ...candidate, outcome: 'lost', reasonCode: lostBy }],
    };
  }
  return {
    revision,
    match: 'attributed',
    state: stateOf(facts),
    reasonCodes: isReversal(facts.eventType) ? ['awaits_original'] : [],
    parkedUntil: null,
    payout: isReversal(facts.eventType) ? null : payoutFor(facts, click, terms),
    candidates: [{ ...candidate, outcome: 'won', reasonCode: null }],
    winner: click.clickId,
  };
}

/** Of a customer who is not known and without exchange rates: what these rules know of neither. */
function payoutFor(facts: ConversionFacts, click: CandidateClick, terms: Terms): Decision['payout'] {
  const { eventType, revenue } = facts;
  const paid = payoutOf(
    {
      eventType,
      partnerId: click.partnerId,
      revenue,
      taxMicros: null,
      shippingMicros: null,
      isFirstOfCustomer: null,
      tierPosition: 0,
      rates: NO_EXCHANGE_RATES,
    },
    terms.payouts,
  );
  return paid === null || paid.money === null ? null : { money: paid.money, rule: paid.rule };
}

function whyLost(facts: ConversionFacts, click: CandidateClick, terms: Terms): DecisionReason | null {
  const elapsedMs = facts.occurredAt - click.clickedAt;
  if (elapsedMs < -CLOCK_SKEW_MS) return 'before_click';
  if (Math.max(0, elapsedMs) < terms.minMs || elapsedMs > terms.maxMs) return 'outside_window';
  return null;
}

function withoutClick(
  facts: ConversionFacts,
  revision: number,
  reason: DecisionReason,
): Omit<Decision, 'candidates'> {
  return {
    revision,
    match: 'unattributed',
    state: stateOf(facts),
    reasonCodes: [reason],
    parkedUntil: null,
    payout: null,
    winner: null,
  };
}

/** A reversal is held until it is linked to its original: money is never taken back from nothing. */
function stateOf(facts: ConversionFacts): State {
  if (isReversal(facts.eventType)) return 'held';
  if (facts.status === 'approved') return 'payable';
  return facts.status;
}

function rejected(reasonCode: DecisionReason): Judgement {
  return { verdict: 'rejected', reasonCode, revision: null, decision: null };
}

function missing(clickId: string): Candidate {
  return { clickId, campaignId: null, clickedAt: null, outcome: 'missing', reasonCode: 'click_not_found' };
}
