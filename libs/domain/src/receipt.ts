/** Receipts that are named by their sender: when another content comes under the name of one that is judged. */

/** Why a later record under a judged receipt is rejected; documented in docs/errors.md. */
export const REUSE_REASONS = ['nonce_reused', 'idempotency_key_reused'] as const;
export type ReuseReason = (typeof REUSE_REASONS)[number];

/** The part of a postback the rule reads; meanings as in postback.received. */
export interface NamedReceipt {
  readonly nonceHash: string | null;
  readonly idempotencyKeyHash: string | null;
  readonly contentDigest: string;
}

/** Whether the sender chose the receipt id, so that a second content can come under it. */
export function isNamed({ nonceHash, idempotencyKeyHash }: NamedReceipt): boolean {
  return nonceHash !== null || idempotencyKeyHash !== null;
}

/**
 * Null for a repeat of the content that was judged. The first in the log stands; another content under its receipt is
 * rejected, by the name that made the receipt id: a key goes before a nonce.
 * @param judgedDigest content digest of the first record under this receipt.
 */
export function reuseOf(judgedDigest: string, repeat: NamedReceipt): ReuseReason | null {
  if (repeat.contentDigest === judgedDigest || !isNamed(repeat)) return null;
  return repeat.idempotencyKeyHash === null ? 'nonce_reused' : 'idempotency_key_reused';
}
