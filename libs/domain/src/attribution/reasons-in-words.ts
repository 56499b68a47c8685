/** What the reason codes of verdicts and decisions mean: one plain sentence each, for people who ask why. */
import { PAYOUT_REASONS, type PayoutReason } from '../payout.ts';
import { REUSE_REASONS, type ReuseReason } from '../receipt.ts';
import { CORE_REASONS, type CoreReason } from './reasons.ts';

/** Every code that stands on a verdict, a revision or a candidate, but the reason a person gave for an order. */
export type NamedReason = CoreReason | PayoutReason | ReuseReason;

/** Closed list, without repeats. */
export const NAMED_REASONS: readonly NamedReason[] = [...CORE_REASONS, ...PAYOUT_REASONS, ...REUSE_REASONS];

export const REASONS_IN_WORDS: Readonly<Record<NamedReason, string>> = {
  values_differ: 'The fact was known already, with other values; the first report in the log stands.',
  status_differs: 'The fact was known already, with another status; the first report in the log stands.',
  click_differs: 'The fact was known already, with another click; the first report in the log stands.',
  customer_differs: 'The fact was known already, with another customer; the first report in the log stands.',
  nonce_reused: 'The nonce of the signed call was used before, with another content.',
  idempotency_key_reused: 'The Idempotency-Key was used before, with another content.',

  click_of_other_advertiser: 'The click belongs to an offer of another advertiser, so it never matches.',
  test_mixed_with_live: 'A test postback names a live click, or the reverse.',
  click_not_found: 'No click with this id was to be seen.',
  click_id_missing: 'No click was named, and no other way led to one.',
  click_id_malformed: 'What was sent as the click id can be none of ours.',
  before_click: 'The conversion occurred before the click.',
  outside_window: "The time from click to conversion is outside the offer's window.",
  offer_unknown: 'The offer of the click was not configured when the conversion occurred.',
  other_offer: 'The click is of another offer than the one that led to the conversion.',
  received_too_late: 'The click reached us only after the conversion had stopped waiting for clicks.',
  view_through_not_allowed: 'It is an impression, and the offer does not let impressions win.',
  view_lost_to_click: 'It is an impression, and a click goes before it.',
  not_credited: 'The attribution model gives this click no share.',
  awaits_clicks: 'The clicks that came before the conversion are not all stored yet.',
  deadline_passed: 'What it waited for did not come before the deadline.',

  rejected_by_source: 'The source reports the conversion as rejected.',
  impossible_time: 'The conversion came sooner after the click than a person can convert.',
  automated_click: 'The click looks as if no person had made it.',
  velocity: 'The click led to more conversions within the time than the offer allows.',
  country_mismatch: 'The country of the conversion is not that of the click.',
  blocked_sub_id: 'The offer blocks a sub-id of the click or of the postback.',
  awaits_condition: 'The offer pays only once a later event has happened, and it has not yet.',
  condition_expired: 'The later event that the offer pays for did not happen in time.',

  awaits_original: 'The conversion that it takes back is not known yet.',
  original_rejected: 'The conversion that it would take back is rejected, so there is nothing to take.',
  currency_differs: 'It names another currency than the conversion that it takes back.',
  amount_limited: 'It asks for more than was left, and took what was left.',
  nothing_left: 'Earlier refunds or chargebacks have taken everything back.',

  cap_reached: 'A cap of the offer had no room left for it.',

  revenue_missing: 'The payout depends on the revenue, and neither a revenue nor a default value is known.',
  default_value_used: "No revenue was sent, so the offer's default value stands in for it.",
  tax_not_sent: 'The payout is net of tax, and no tax was sent: it counts as zero.',
  shipping_not_sent: 'The payout is net of shipping, and no shipping was sent: it counts as zero.',
  base_not_positive: 'Nothing is left of the revenue to take a percentage of.',
  below_first_tier: 'Its number or its revenue is below the first tier of the payout.',
  not_first_of_customer: "A payout for first customers was passed over: it is not the customer's first.",
  customer_unknown: 'A payout for first customers was passed over: no customer was named.',
  exchange_rate_missing: 'No exchange rate into the currency of the payout was in force when it occurred.',
  payout_out_of_bounds: 'The payout is larger than money can be recorded.',
};

const ORDERED = 'ordered:';

/**
 * The sentence of a code. An order has the reason its giver named, and a code of another release says only itself: what is
 * on record stays readable whichever release wrote it.
 */
export function reasonInWords(code: string): string {
  if (Object.hasOwn(REASONS_IN_WORDS, code)) return REASONS_IN_WORDS[code as NamedReason];
  if (code.startsWith(ORDERED))
    return `A person ordered it and gave the reason "${code.slice(ORDERED.length)}".`;
  return `The reason "${code}" is not known to this release.`;
}
