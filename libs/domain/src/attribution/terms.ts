/** The terms of an offer for one event type, in the form the rules of attribution and of money read them. */
import type { PayoutRule } from '../payout.ts';
import type { CapRule } from './caps.ts';

/** How credit is shared among the clicks that led to a conversion; what each does stands beside `creditsOf`. */
export const ATTRIBUTION_MODELS = [
  'last_click',
  'first_click',
  'linear',
  'position_based',
  'time_decay',
] as const;
export type AttributionModel = (typeof ATTRIBUTION_MODELS)[number];

/** The model of an offer that names none. */
export const STANDARD_MODEL: AttributionModel = 'last_click';

/** Seven days, the half-life that reports of time decay are known by; of an offer that names none. */
export const STANDARD_HALF_LIFE_MS = 7 * 86_400_000;

/**
 * What becomes of a further report of a fact that is known.
 *
 * | mode | a further report |
 * |---|---|
 * | reject | changes no value: the same values are a duplicate, others a conflict |
 * | add | is a fact of its own |
 * | update | puts its values and its status in place of the earlier ones |
 */
export const REPEAT_MODES = ['reject', 'add', 'update'] as const;
export type RepeatMode = (typeof REPEAT_MODES)[number];

/** The mode of an event type for which the advertiser names none. */
export const STANDARD_REPEAT_MODE: RepeatMode = 'reject';

/** Click-to-conversion time in milliseconds, both ends included. */
export interface ConversionWindow {
  readonly minMs: number;
  readonly maxMs: number;
}

/** What a rule against abuse does with a conversion it fits. */
export const ABUSE_ACTIONS = ['reject', 'hold'] as const;
export type AbuseAction = (typeof ABUSE_ACTIONS)[number];

/** Null: the offer has no such rule. */
export interface AbuseRules {
  /** Converted sooner after the click than a person can. */
  readonly impossibleBelowMs: { readonly ms: number; readonly action: AbuseAction } | null;
  readonly bots: AbuseAction | null;
  /** More than so many conversions of one click within the time. */
  readonly velocity: {
    readonly conversions: number;
    readonly withinMs: number;
    readonly action: AbuseAction;
  } | null;
  readonly countryMismatch: AbuseAction | null;
  /** Exact values by the name of the sub-id, `sub1` to `sub20`. */
  readonly blockedSubIds: {
    readonly values: ReadonlyMap<string, ReadonlySet<string>>;
    readonly action: AbuseAction;
  } | null;
}

/** The offer's terms for one event type, in force at occurredAt. */
export interface OfferTerms {
  readonly offerId: string;
  readonly window: ConversionWindow;
  /** Null: an impression never wins. */
  readonly viewThroughWindow: ConversionWindow | null;
  readonly model: AttributionModel;
  /** Of time decay. */
  readonly halfLifeMs: number;
  readonly matchesHashedIdentity: boolean;
  /** Paid only once `eventType` has happened within the time. */
  readonly condition: { readonly eventType: string; readonly withinMs: number } | null;
  readonly abuse: AbuseRules;
  /** Of this event type only. */
  readonly payouts: readonly PayoutRule[];
  /** Of every event type: a cap may be on several together. */
  readonly caps: readonly CapRule[];
}
