/** Receipt ids: the same for the same name of a call, whoever computes it, and never one that a stranger can choose. */
import { describe, expect, it } from 'vitest';
import { type CallNames, type ReceiptIdentity, receiptIdentityOf } from './receipt-identity.ts';

const UNNAMED: CallNames = {
  sourceId: 'shop',
  nonce: null,
  row: null,
  headerKey: null,
  parameterKey: null,
  receivedAt: Date.UTC(2026, 0, 2),
};

function identity(names: Partial<CallNames>): ReceiptIdentity {
  const made = receiptIdentityOf({ ...UNNAMED, ...names });
  if ('reason' in made) throw new Error(made.reason);
  return made;
}

const idOf = (names: Partial<CallNames>) => identity(names).receiptId;

describe('the receipt', () => {
  it('is new for every call without a name, and claims nothing', () => {
    expect(idOf({})).not.toBe(idOf({}));
    expect(identity({}).claims).toEqual([]);
  });

  it('is fixed for ever by source and key, or source and nonce', () => {
    expect(idOf({ headerKey: 'k-1' })).toBe('54687161-795d-8aca-bcaa-9e4520f2ed91');
    expect(idOf({ nonce: '0123456789abcdef' })).toBe('6d55853e-ac57-895e-b33d-7f08543edfe4');
  });

  it('is another for another source, kind of name, row or name', () => {
    const ids = [
      idOf({ headerKey: 'k-1' }),
      idOf({ headerKey: 'k-2' }),
      idOf({ headerKey: 'k-1', sourceId: 'other' }),
      idOf({ nonce: 'k-1' }),
      idOf({ nonce: 'k-1', sourceId: 'other' }),
      idOf({ nonce: 'k-1', row: 0 }),
      idOf({ nonce: 'k-1', row: 1 }),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('takes the key from the header before the parameter', () => {
    expect(idOf({ headerKey: 'k-1', parameterKey: 'k-2' })).toBe(idOf({ headerKey: 'k-1' }));
    expect(idOf({ parameterKey: 'k-1' })).toBe(idOf({ headerKey: 'k-1' }));
  });

  it('of a signed call goes by a key only where it was signed', () => {
    const byKey = identity({ nonce: 'n', parameterKey: 'k-1' });
    expect(byKey.receiptId).toBe(idOf({ headerKey: 'k-1' }));
    expect(byKey.claims).toEqual([
      { kind: 'nonce', receiptId: idOf({ nonce: 'n' }) },
      { kind: 'idempotency_key', receiptId: byKey.receiptId },
    ]);
    const unsigned = identity({ nonce: 'n', headerKey: 'k-1' });
    expect(unsigned).toMatchObject({
      receiptId: idOf({ nonce: 'n' }),
      idempotencyKeyHash: null,
      warnings: ['idempotency_key_not_signed'],
    });
  });

  it.each([
    ['x'.repeat(255), null],
    ['ключ', null],
    ['x'.repeat(256), 'idempotency_key_malformed'],
    ['a\u0000b', 'idempotency_key_malformed'],
    ['a\nb', 'idempotency_key_malformed'],
  ])('of the key %j: %s', (headerKey, reason) => {
    expect(receiptIdentityOf({ ...UNNAMED, headerKey })).toMatchObject(
      reason === null ? { warnings: [] } : { reason, field: 'Idempotency-Key' },
    );
  });
});
