/** The words of a conversion: its three axes (verdict, match, state) and what a decision knows of it. */
import type { AdPlatformId, Consent } from './click.ts';
import type { Money } from './money.ts';

/** What attribution made of one accepted postback; the accepted receipts are exactly the sum of these. */
export const VERDICTS = ['counted', 'duplicate_of', 'conflict', 'rejected', 'parked'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Whether a click was found for a conversion. */
export const MATCHES = ['attributed', 'unattributed', 'parked'] as const;
export type Match = (typeof MATCHES)[number];

/** Where the money of a conversion stands. */
export const STATES = ['pending', 'held', 'payable', 'rejected', 'reversed'] as const;
export type State = (typeof STATES)[number];

/** A click as a decision remembers it: everything a destination may need, so that no delivery looks it up again. */
export interface ClickTouch {
  readonly clickId: string;
  /** Epoch milliseconds, UTC. */
  readonly clickedAt: number;
  readonly campaignId: string;
  readonly partnerId: string | null;
  /** The partner's own id of the click, as it came in on the click URL. */
  readonly partnerClickId: string | null;
  readonly subIds: Readonly<Record<string, string>>;
  readonly adPlatformIds: readonly AdPlatformId[];
  readonly landingUrl: string | null;
  readonly userAgent: string | null;
  readonly country: string | null;
}

/** A decided conversion as a destination definition sees it: plain values, personal data only as hashes or decrypted just for this build. */
export interface OutwardConversion {
  readonly conversionId: string;
  readonly revision: number;
  readonly advertiserId: string;
  readonly offerId: string | null;
  readonly campaignId: string | null;
  readonly partnerId: string | null;
  readonly sourceId: string;
  readonly eventType: string;
  readonly match: Match;
  readonly state: State;
  readonly transactionId: string | null;
  /** Of a refund or chargeback: the conversion it takes back, and that one's transaction. */
  readonly originalConversionId: string | null;
  readonly originalTransactionId: string | null;
  readonly customerId: string | null;
  /** Whether it is the customer's first of its class; null where that is not known. */
  readonly isFirstOfCustomer: boolean | null;
  /** Epoch milliseconds, UTC, at the source. */
  readonly occurredAt: number;
  readonly receivedAt: number;
  readonly decidedAt: number;
  /** The advertiser's value. */
  readonly revenue: Money | null;
  /** What we owe the partner. */
  readonly payout: Money | null;
  /** As reported, in the currency of the revenue; part of it or not, as the advertiser counts. */
  readonly tax: Money | null;
  readonly shipping: Money | null;
  readonly predictedLtv: Money | null;
  /** What was bought, as the advertiser names it; one product at most, for postbacks carry no order lines. */
  readonly productId: string | null;
  readonly planId: string | null;
  readonly couponCode: string | null;
  readonly quantity: number | null;
  /** Sub-ids of the postback; those of the click are in `click`. */
  readonly subIds: Readonly<Record<string, string>>;
  readonly click: ClickTouch | null;
  /** SHA-256 hex by named normal form, e.g. `emailPlain`, `phoneDigits`; see subject.ts. */
  readonly subjectHashes: Readonly<Record<string, string>>;
  /** In clear, decrypted by fan-out for this one build; never logged. */
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly country: string | null;
  readonly consent: Consent;
  readonly extras: Readonly<Record<string, string>>;
  readonly isTest: boolean;
}
