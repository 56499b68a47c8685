/** The receipt of a call that is accepted: the same for the same nonce or Idempotency-Key, on every instance and after every restart. */
import { hash } from 'node:crypto';
import { deterministicUuid } from '@tributary/domain';
import { newId } from '../edge/new-id.ts';
import { type AccessRefusal, accessRefusal } from './access-refusal.ts';
import type { MemoryKind } from './replay-memory.ts';

/** What the sender named its call by. */
export interface CallNames {
  readonly sourceId: string;
  /** Of a call whose signature was verified; else null. */
  readonly nonce: string | null;
  /** Place in a batch; null for a call with one postback. */
  readonly row: number | null;
  /** The header Idempotency-Key. */
  readonly headerKey: string | null;
  /** The parameter of that meaning. */
  readonly parameterKey: string | null;
  readonly receivedAt: number;
}

export interface ReceiptIdentity {
  readonly receiptId: string;
  readonly nonceHash: string | null;
  readonly idempotencyKeyHash: string | null;
  /** What this call claims for its content, to be remembered. */
  readonly claims: readonly { readonly kind: MemoryKind; readonly receiptId: string }[];
  readonly warnings: readonly string[];
}

const MAX_KEY_LENGTH = 255;
const CONTROL_CHARACTER = /\p{Cc}/u;
const NOTHING: readonly never[] = [];
const KEY_NOT_SIGNED = ['idempotency_key_not_signed'] as const;

/**
 * | named by | receipt id |
 * |---|---|
 * | Idempotency-Key | hash(source, key) |
 * | nonce of a signature | hash(source, nonce), in a batch with the row's place |
 * | nothing | a new one |
 *
 * A key that the signature covers goes before the nonce, since a sender that tries again signs anew. A key in the header
 * of a signed call is covered by nothing: whoever repeats a call they have seen could put any key there and make a
 * receipt of its own of it, so it is left aside, with a warning.
 */
export function receiptIdentityOf(names: CallNames): ReceiptIdentity | AccessRefusal {
  const { sourceId, nonce, row, headerKey, parameterKey, receivedAt } = names;
  const isUnsignedKey = nonce !== null && headerKey !== null;
  const key = isUnsignedKey ? parameterKey : (headerKey ?? parameterKey);
  if (key !== null && (key.length > MAX_KEY_LENGTH || CONTROL_CHARACTER.test(key)))
    return accessRefusal(
      'idempotency_key_malformed',
      headerKey === key ? 'Idempotency-Key' : 'idempotency_key',
      `at most ${MAX_KEY_LENGTH} characters, none of them a control character`,
    );
  const byKey = key === null ? null : deterministicUuid('receipt', sourceId, key);
  const byNonce =
    nonce === null
      ? null
      : deterministicUuid('signed_receipt', sourceId, nonce, ...(row === null ? [] : [String(row)]));
  const receiptId = byKey ?? byNonce;
  return {
    receiptId: receiptId ?? newId(receivedAt),
    nonceHash: nonce === null ? null : hash('sha256', nonce, 'hex'),
    idempotencyKeyHash: key === null ? null : hash('sha256', key, 'hex'),
    claims: receiptId === null ? NOTHING : claimsOf(byKey, byNonce),
    warnings: isUnsignedKey ? KEY_NOT_SIGNED : NOTHING,
  };
}

function claimsOf(byKey: string | null, byNonce: string | null): ReceiptIdentity['claims'] {
  return [
    ...(byNonce === null ? [] : [{ kind: 'nonce' as const, receiptId: byNonce }]),
    ...(byKey === null ? [] : [{ kind: 'idempotency_key' as const, receiptId: byKey }]),
  ];
}
