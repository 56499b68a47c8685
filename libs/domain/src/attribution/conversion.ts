/** A conversion as the rules keep it: the fold of its reports, what was decided once and for all, and the latest outcome. */
import type { AdPlatformId, ConsentState } from '../click.ts';
import type { Match, State } from '../conversion.ts';
import type { Money } from '../money.ts';
import type { Contribution } from './details.ts';
import type { Credit } from './models.ts';
import type { Reason } from './reasons.ts';
import type { Position, ReportStatus } from './report.ts';
import type { AttributionModel, OfferTerms } from './terms.ts';

/** What one report claims the sale was worth; null: it did not say. */
export interface Values {
  readonly revenue: Money | null;
  readonly taxMicros: bigint | null;
  readonly shippingMicros: bigint | null;
}

/** A value that gives way to one the edge received later; of one millisecond the larger receipt id stands. */
export interface Latest<V> {
  readonly value: V;
  readonly receivedAt: number;
  readonly receiptId: string;
}

/** What reports in mode `update` have put in place of the first values; null: nothing. */
export interface UpdatedValues {
  readonly revenue: Latest<Money> | null;
  readonly taxMicros: Latest<bigint> | null;
  readonly shippingMicros: Latest<bigint> | null;
  /** Approved or rejected: a pending never takes back what was settled. */
  readonly status: Latest<ReportStatus> | null;
}

/**
 * The fold of all reports of one identity that were no conflict. It carries all that merging a further report needs, so no
 * postback is ever read again. Merging is commutative and idempotent, but for what is named first in the log.
 */
export interface ConversionFacts {
  /** First in the log. */
  readonly receiptId: string;
  readonly sourceId: string;
  readonly position: Position;
  /** Receipts that made the conversion or changed its values or status: a repeat of one after a crash is judged as it was. */
  readonly countedReceiptIds: readonly string[];
  /** Earliest at the edge. */
  readonly receivedAt: number;
  /** Earliest time that was sent; null while all are assumed. */
  readonly sentOccurredAt: number | null;
  /** Every type it was reported as, sorted. */
  readonly eventTypes: readonly string[];
  readonly transactionId: string | null;
  /** Of a refund or chargeback: the transaction it takes back. */
  readonly reversedTransactionId: string | null;
  /** A click id that can be one of ours, lower case; first in the log. */
  readonly clickId: string | null;
  /** What stood in place of a click id and can be none. */
  readonly malformedClickId: string | null;
  /** Earliest receipt of a report with the click id, the customer id, a subject hash: the wait for clicks begins there. */
  readonly clickIdSince: number | null;
  readonly customerIdSince: number | null;
  readonly subjectSince: number | null;
  /** Whether a report came without a click id: then the fact stands even when the click named by another is not ours. */
  readonly isReportedWithoutClick: boolean;
  /** First in the log. */
  readonly customerId: string | null;
  /** Of the report that brought the customer id first. */
  readonly customerPosition: Position | null;
  /** Of reports in mode `reject` and `add`: of each value the first in the log. */
  readonly firstValues: Values;
  readonly firstStatus: ReportStatus;
  readonly updated: UpdatedValues;
  readonly consentAdUserData: ConsentState;
  readonly consentAdPersonalization: ConsentState;
  readonly contributions: readonly Contribution[];
}

/** A click as the rules and the record of a decision need it; meanings as in click.recorded. */
export interface CandidateClick {
  readonly clickId: string;
  readonly kind: 'redirect' | 'direct' | 'impression';
  readonly advertiserId: string;
  readonly offerId: string;
  readonly campaignId: string;
  readonly partnerId: string | null;
  readonly partnerClickId: string | null;
  readonly clickedAt: number;
  readonly receivedAt: number;
  readonly customerId: string | null;
  readonly subjectHashes: Readonly<Record<string, string>>;
  readonly subIds: Readonly<Record<string, string>>;
  readonly adPlatformIds: readonly AdPlatformId[];
  readonly landingUrl: string | null;
  readonly userAgent: string | null;
  readonly country: string | null;
  readonly ipCiphertext: Uint8Array | null;
  readonly automation: string | null;
  readonly isTest: boolean;
}

/** A click that was considered, and why it got no credit. */
export interface Candidate {
  readonly clickId: string;
  /** Null when the click is unknown. */
  readonly campaignId: string | null;
  readonly clickedAt: number | null;
  readonly outcome: 'won' | 'lost' | 'missing';
  readonly reasonCode: Reason | null;
}

/** The path that led to the click; `original`: a reversal follows what it takes back. */
export const MATCH_PATHS = ['click_id', 'customer', 'hashed_identity', 'original', 'command'] as const;
export type MatchPath = (typeof MATCH_PATHS)[number];

/** What a partner is owed of the payout; parts sum to the payout exactly. */
export interface PayoutPart {
  readonly clickId: string;
  readonly partnerId: string | null;
  readonly micros: bigint;
}

/** What was decided: recomputed whole whenever something it depends on may have changed. */
export interface Outcome {
  readonly eventType: string;
  readonly status: ReportStatus;
  readonly occurredAt: number;
  readonly customerId: string | null;
  readonly match: Match;
  readonly matchedBy: MatchPath | null;
  readonly state: State;
  readonly reasonCodes: readonly Reason[];
  readonly parkedUntil: number | null;
  readonly heldUntil: number | null;
  /** Signed: of a reversal what it takes back, never above zero. */
  readonly revenue: Money | null;
  readonly taxMicros: bigint | null;
  readonly shippingMicros: bigint | null;
  readonly payout: Money | null;
  readonly payoutRule: string | null;
  readonly exchangeRateId: string | null;
  readonly payoutParts: readonly PayoutPart[];
  /** Of an original: what its reversals have taken, as positive sums; null: nothing. */
  readonly reversedRevenueMicros: bigint | null;
  readonly reversedPayoutMicros: bigint | null;
  /** Of a reversal: what its sender asked for; null: all that is left. */
  readonly askedMicros: bigint | null;
  readonly originalConversionId: string | null;
  readonly isFirstOfCustomer: boolean | null;
  readonly model: AttributionModel;
  readonly credits: readonly Credit[];
  /** Every click considered, the latest first. */
  readonly candidates: readonly Candidate[];
  /** The click with the largest credit; all of it, so that the next revision needs no look back. */
  readonly winner: CandidateClick | null;
  /** The click the reports name, when it can win: what other conversions of the customer go by. */
  readonly namedClickId: string | null;
  /** Every report names a click that is not ours to count: it is kept, and counts as if it were not there. */
  readonly isForeign: boolean;
}

/** A place under a cap, asked for once. */
export interface CapPlace {
  readonly capId: string;
  /** With `periodStart` the counter it counts on. */
  readonly key: string;
  readonly periodStart: number;
  readonly isGranted: boolean;
  /** Counted on the cap, never given back; 0 where the place was refused. */
  readonly payoutMicros: bigint;
}

/** A number among the conversions that a payout by tiers counts. */
export interface TierPlace {
  readonly key: string;
  readonly periodStart: number;
  /** How many stood before it. */
  readonly position: number;
}

/** What follows the order of the log: decided once and kept, whatever comes later. */
export interface FirstCome {
  readonly isFirstOfCustomer: boolean | null;
  readonly caps: readonly CapPlace[];
  readonly tiers: readonly TierPlace[];
}

/** What time has settled. A deadline that has passed does not come back, whichever input is decided next. */
export interface Passed {
  /** The click watermark noted on arrival has been reached. */
  readonly hasSeenClicks: boolean;
  /** The click id that was waited for in vain: it stays unknown, even when the click shows later. */
  readonly gaveUpClickId: string | null;
  /** The deadline until which any click was waited for. */
  readonly waitedUntil: number | null;
  /** The deadline until which a condition was waited for; a condition met in time, and known late, still counts. */
  readonly heldUntil: number | null;
}

/** What people ordered about this conversion; the later order stands. */
export interface Orders {
  readonly ruling: 'released' | 'rejected' | 'approved' | null;
  /** The click that is to win. */
  readonly clickId: string | null;
  readonly model: AttributionModel | null;
  /** In place of the terms in force. */
  readonly terms: OfferTerms | null;
  readonly reasonCodes: readonly Reason[];
  /** Why its person is to be forgotten, null: it is not. It counts as before, and nobody is told its state any more. */
  readonly erasedFor: Reason | null;
}

export const TRIGGER_KINDS = ['postback', 'late_click', 'deadline', 'release', 'command'] as const;
export type TriggerKind = (typeof TRIGGER_KINDS)[number];

/** When, where and by which configuration a revision was decided. */
export interface DecidedAt {
  readonly trigger: TriggerKind;
  readonly position: Position;
  readonly now: number;
  readonly configurationVersion: number;
}

/** One revision of a conversion. */
export interface Conversion {
  readonly conversionId: string;
  readonly eventClass: string;
  readonly advertiserId: string;
  readonly lane: string;
  readonly isTest: boolean;
  /** From 1, without gaps. */
  readonly revision: number;
  readonly facts: ConversionFacts;
  readonly firstCome: FirstCome;
  readonly passed: Passed;
  readonly orders: Orders;
  readonly outcome: Outcome;
  readonly decidedAt: DecidedAt;
}

/** A conversion while it is being decided; every conversion is one. */
export type Undecided = Omit<Conversion, 'outcome' | 'decidedAt'> & {
  /** The latest outcome; null, with revision 0, before the first. */
  readonly outcome: Outcome | null;
  /** Of the latest revision. */
  readonly decidedAt: DecidedAt | null;
};

export const NOTHING_FIRST_COME: FirstCome = { isFirstOfCustomer: null, caps: [], tiers: [] };
export const NOTHING_PASSED: Passed = {
  hasSeenClicks: false,
  gaveUpClickId: null,
  waitedUntil: null,
  heldUntil: null,
};
export const NO_ORDERS: Orders = {
  ruling: null,
  clickId: null,
  model: null,
  terms: null,
  reasonCodes: [],
  erasedFor: null,
};
