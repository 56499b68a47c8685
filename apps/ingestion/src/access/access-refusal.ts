/** Why a call may not post, and with which status it is told. */
import type { Refusal, RefusalReason } from '@tributary/domain';

/** The codes of access; each is one of REFUSAL_REASONS. */
export type AccessReason = Extract<
  RefusalReason,
  | 'source_unknown'
  | 'token_missing'
  | 'token_invalid'
  | 'address_not_allowed'
  | 'https_required'
  | 'rate_limited'
  | 'signature_missing'
  | 'signature_invalid'
  | 'signature_expired'
  | 'timestamp_malformed'
  | 'nonce_missing'
  | 'nonce_malformed'
  | 'nonce_reused'
  | 'idempotency_key_malformed'
  | 'idempotency_key_reused'
>;

export interface AccessRefusal extends Refusal {
  readonly reason: AccessReason;
}

/** 401: come with a proof. 403: not with this one, or not from there. 409: the key stands for something else. */
export const STATUS_OF_ACCESS: Readonly<Record<AccessReason, number>> = {
  source_unknown: 404,
  token_missing: 401,
  token_invalid: 403,
  address_not_allowed: 403,
  https_required: 403,
  rate_limited: 429,
  signature_missing: 401,
  signature_invalid: 401,
  signature_expired: 401,
  timestamp_malformed: 401,
  nonce_missing: 401,
  nonce_malformed: 401,
  nonce_reused: 401,
  idempotency_key_malformed: 400,
  idempotency_key_reused: 409,
};

export function accessRefusal(
  reason: AccessReason,
  field: string | null,
  expected: string | null,
): AccessRefusal {
  return { reason, field, expected };
}
