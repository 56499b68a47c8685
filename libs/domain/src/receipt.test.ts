/** Names that come twice: a repeat of the same, and another content under them. */
import { describe, expect, it } from 'vitest';
import { isNamed, type NamedReceipt, reuseOf } from './receipt.ts';

const named = (changes: Partial<NamedReceipt>): NamedReceipt => ({
  nonceHash: null,
  idempotencyKeyHash: null,
  contentDigest: 'b',
  ...changes,
});

describe('reuseOf', () => {
  it.each<[string, NamedReceipt, string | null]>([
    ['the same content under a nonce', named({ nonceHash: 'n', contentDigest: 'a' }), null],
    ['the same content under a key', named({ idempotencyKeyHash: 'k', contentDigest: 'a' }), null],
    ['another content under a nonce', named({ nonceHash: 'n' }), 'nonce_reused'],
    ['another content under a key', named({ idempotencyKeyHash: 'k' }), 'idempotency_key_reused'],
    [
      'another content under both',
      named({ nonceHash: 'n', idempotencyKeyHash: 'k' }),
      'idempotency_key_reused',
    ],
    ['another content under no name', named({}), null],
  ])('of %s is %s', (_name, repeat, reason) => {
    expect(reuseOf('a', repeat)).toBe(reason);
  });
});

it('knows whether the sender named the receipt', () => {
  expect([named({}), named({ nonceHash: 'n' }), named({ idempotencyKeyHash: 'k' })].map(isNamed)).toEqual([
    false,
    true,
    true,
  ]);
});
