/** Why a receipt was not counted, a click not credited, a conversion not paid: the codes that the decision core gives. */
import type { PayoutReason } from '../payout.ts';

/** Closed list. A command adds the reason code it was ordered with. */
export const CORE_REASONS = [
  // A report of a fact that is known.
  'values_differ',
  'status_differs',
  'click_differs',
  'customer_differs',
  // The clicks.
  'click_of_other_advertiser',
  'test_mixed_with_live',
  'click_not_found',
  'click_id_missing',
  'click_id_malformed',
  'before_click',
  'outside_window',
  'offer_unknown',
  'other_offer',
  'received_too_late',
  'view_through_not_allowed',
  'view_lost_to_click',
  'not_credited',
  'awaits_clicks',
  'deadline_passed',
  // The state.
  'rejected_by_source',
  'impossible_time',
  'automated_click',
  'velocity',
  'country_mismatch',
  'blocked_sub_id',
  'awaits_condition',
  'condition_expired',
  // Reversals.
  'awaits_original',
  'original_rejected',
  'currency_differs',
  'amount_limited',
  'nothing_left',
  // Rules that are first-come.
  'cap_reached',
] as const;
export type CoreReason = (typeof CORE_REASONS)[number];

/** What stands on a revision: a reason of the core, of the payout rules, or the one a command was ordered with. */
export type Reason = CoreReason | PayoutReason | `ordered:${string}`;
