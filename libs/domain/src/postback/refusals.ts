/** Why a postback is refused or ignored: the closed list of codes, documented in docs/errors.md. */

export const REFUSAL_REASONS = [
  'source_unknown',
  'token_missing',
  'token_invalid',
  'method_not_allowed',
  'body_too_large',
  'body_malformed',
  'content_type_unsupported',
  'parameter_repeated',
  'parameter_too_long',
  'parameter_malformed',
  'parameters_too_many',
  'nesting_too_deep',
  'rows_missing',
  'event_type_missing',
  'event_type_malformed',
  'status_unknown',
  'amount_malformed',
  'amount_negative',
  'currency_missing',
  'currency_unknown',
  'time_malformed',
  'time_out_of_range',
  'batch_empty',
  'batch_too_large',
  'address_not_allowed',
  'https_required',
  'rate_limited',
  'signature_missing',
  'signature_invalid',
  'signature_expired',
  'timestamp_malformed',
  'nonce_missing',
  'nonce_malformed',
  'nonce_reused',
  'idempotency_key_malformed',
  'idempotency_key_reused',
  'ignored_by_profile',
  'not_qualified',
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** What the source's profile wants acknowledged and not counted: nothing is wrong with the call. */
const IGNORED_REASONS: readonly RefusalReason[] = ['ignored_by_profile', 'not_qualified'];

export function isIgnored(reason: RefusalReason): boolean {
  return IGNORED_REASONS.includes(reason);
}

export interface Refusal {
  readonly reason: RefusalReason;
  /** The parameter it is about, as the sender named it. */
  readonly field: string | null;
  readonly expected: string | null;
}

/** Ends the reading of one postback; it never leaves this folder. */
export class Refused extends Error {
  readonly refusal: Refusal;
  constructor(reason: RefusalReason, field: string | null, expected: string | null) {
    super(reason);
    this.refusal = { reason, field, expected };
  }
}
