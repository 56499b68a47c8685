/** What the reducer reads: a synchronous view of everything known, filled by the caller for its batch. */
import type { Verdict } from '../conversion.ts';
import type { IdentityRules } from '../identity.ts';
import type { CapUse } from './caps.ts';
import type { CandidateClick, Undecided } from './conversion.ts';
import type { ExchangeRates } from './exchange.ts';
import type { Reason } from './reasons.ts';
import type { OfferTerms, RepeatMode } from './terms.ts';
import type { TierUse } from './tier-use.ts';

/** What is configured for an advertiser. */
export interface AdvertiserRules {
  readonly identity: IdentityRules;
  /** By event type; see STANDARD_REPEAT_MODE for others. */
  readonly repeatModes: Readonly<Record<string, RepeatMode>>;
  /** How long a conversion waits for a click. */
  readonly parkedForMs: number;
  /**
   * Whether any of its offers matches by hashed identity, shares credit among several clicks, or lets impressions win. Else
   * nobody looks for the other clicks of a person, which are the dear lookups.
   */
  readonly linksPersons: boolean;
  /**
   * Whether any of its offers holds conversions for a condition or judges the velocity of a click. Else nobody looks for the
   * other conversions of a click.
   */
  readonly relatesByClick: boolean;
}

/** The configuration, by the instant it is asked for; an answer never changes afterwards. */
export interface ConfiguredRules {
  /** In force when a postback was received. */
  advertiser(advertiserId: string, at: number): AdvertiserRules;
  /** In force when a conversion occurred; null for an offer that was never configured. */
  terms(offerId: string, eventType: string, at: number): OfferTerms | null;
  rates(at: number): ExchangeRates;
}

/** What became of a receipt. */
export interface Judgement {
  readonly receiptId: string;
  readonly verdict: Verdict;
  readonly reasonCode: Reason | null;
  /** The conversion it created, repeated or conflicts with; null when it was rejected. */
  readonly conversionId: string | null;
  /** The revision it led to or met. */
  readonly revision: number | null;
}

/**
 * Everything the rules may look up; keys as keys.ts makes them. Lists come in any order, without repeats, and hold the latest
 * revision of each conversion. What one input led to must be in what the next one reads.
 */
export interface KnownFacts extends ConfiguredRules {
  judgement(receiptId: string): Judgement | undefined;
  conversion(conversionId: string): Undecided | undefined;
  /** With that transaction, and the reversals that name it as their original. */
  conversionsOfTransaction(key: string): readonly Undecided[];
  conversionsOfCustomer(key: string): readonly Undecided[];
  /** Whose reports name the click; of every scope. */
  conversionsOfClick(clickId: string): readonly Undecided[];
  conversionsOfSubject(key: string): readonly Undecided[];
  click(clickId: string): CandidateClick | undefined;
  /** Recorded with that customer id. */
  clicksOfCustomer(key: string): readonly CandidateClick[];
  clicksOfSubject(key: string): readonly CandidateClick[];
  capUse(key: string, periodStart: number): CapUse;
  tierUse(key: string, periodStart: number): TierUse;
}
