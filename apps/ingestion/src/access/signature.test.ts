/** Signatures: what is signed, to the byte, and everything that is none. */
import { createHmac, createSecretKey, hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalCall, judgeSignature, type Signature, type SignedCall, signatureOf } from './signature.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const SECRET = 'a-signing-secret-of-the-shop-0123';
const KEYS = [createSecretKey(SECRET, 'utf8')];
const CALL: SignedCall = {
  method: 'POST',
  target: '/postback/shop?b=2&a=1',
  body: Buffer.from('{"event":"sale"}'),
};
const NONCE = '0123456789abcdef';
const TIMESTAMP = String(NOW / 1_000);

function signed(call: SignedCall, changes: Partial<Signature> = {}, secret = SECRET): Signature {
  const { timestamp = TIMESTAMP, nonce = NONCE } = changes;
  const digest = createHmac('sha256', secret)
    .update(canonicalCall(call, timestamp ?? '', nonce ?? ''), 'latin1')
    .digest('hex');
  return { signature: `v1=${digest}`, timestamp, nonce, ...changes };
}

const reasonOf = (call: SignedCall, signature: Signature, keys = KEYS, now = NOW) =>
  judgeSignature(call, signature, keys, now)?.reason ?? null;

describe('canonicalCall', () => {
  it('is seven lines', () => {
    expect(canonicalCall(CALL, TIMESTAMP, NONCE)).toBe(
      `v1\nPOST\n/postback/shop\na=1&b=2\n${hash('sha256', '{"event":"sale"}', 'hex')}\n${TIMESTAMP}\n${NONCE}`,
    );
  });

  it.each([
    ['/p', ''],
    ['/p?', ''],
    ['/p?b&a&&b=1', 'a&b&b=1'],
    ['/p?x_signature=v1=00&x_nonce=n&a=1', 'a=1&x_nonce=n'],
    ['/p?a=%41&a=A', 'a=%41&a=A'],
    ['/p?a=1?b=2', 'a=1?b=2'],
  ])('takes of %s the query %s', (target, query) => {
    expect(canonicalCall({ ...CALL, target }, TIMESTAMP, NONCE).split('\n')[3]).toBe(query);
  });

  it('is the same for any order of the parameters', () => {
    const part = fc.stringMatching(/^[a-z0-9%=_-]{1,8}$/);
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const canonical = (list: string[]) =>
          canonicalCall({ ...CALL, target: `/p?${list.join('&')}` }, TIMESTAMP, NONCE);
        expect(canonical(parts.toReversed())).toBe(canonical(parts));
      }),
    );
  });
});

describe('judgeSignature', () => {
  it('takes a signature by any of the secrets, in either case of its digits', () => {
    const keys = [createSecretKey('another-secret-of-the-shop-456789', 'utf8'), ...KEYS];
    expect(reasonOf(CALL, signed(CALL), keys)).toBeNull();
    const { signature } = signed(CALL);
    expect(
      reasonOf(CALL, { ...signed(CALL), signature: `v1=${signature.slice(3).toUpperCase()}` }),
    ).toBeNull();
  });

  it.each<[string, Partial<SignedCall>]>([
    ['the method', { method: 'PUT' }],
    ['the path', { target: '/postback/other?b=2&a=1' }],
    ['a value of the query', { target: '/postback/shop?b=2&a=2' }],
    ['two values that were swapped', { target: '/postback/shop?b=1&a=2' }],
    ['one parameter more', { target: '/postback/shop?b=2&a=1&c=3' }],
    ['the body', { body: Buffer.from('{"event":"sale" }') }],
    ['no body', { body: Buffer.alloc(0) }],
  ])('refuses a call with another %s than was signed', (_name, change) => {
    expect(reasonOf({ ...CALL, ...change }, signed(CALL))).toBe('signature_invalid');
  });

  it('refuses another nonce or time than was signed', () => {
    expect(reasonOf(CALL, { ...signed(CALL), nonce: '0123456789abcdeg' })).toBe('signature_invalid');
    expect(reasonOf(CALL, { ...signed(CALL), timestamp: String(NOW / 1_000 + 1) })).toBe('signature_invalid');
  });

  it.each([
    ['', 'no version'],
    ['v2=', 'another version'],
  ])('refuses %j%s', (prefix) => {
    const { signature } = signed(CALL);
    expect(reasonOf(CALL, { ...signed(CALL), signature: `${prefix}${signature.slice(3)}` })).toBe(
      'signature_invalid',
    );
  });

  it.each([
    'v1=',
    'v1=zz',
    `v1=${'0'.repeat(63)}`,
    `v1=${'0'.repeat(65)}`,
    `v1=${'z'.repeat(64)}`,
    `v1=${'é'.repeat(64)}`,
  ])('refuses %s before it decodes it', (signature) => {
    expect(reasonOf(CALL, { ...signed(CALL), signature })).toBe('signature_invalid');
  });

  it.each([
    [-300, null],
    [300, null],
    [-301, 'signature_expired'],
    [301, 'signature_expired'],
    [-600, 'signature_expired'],
    [600, 'signature_expired'],
  ])('of a clock %d s off: %s', (seconds, reason) => {
    expect(reasonOf(CALL, signed(CALL, { timestamp: String(NOW / 1_000 + seconds) }))).toBe(reason);
  });

  it.each<[string, Partial<Signature>, string]>([
    ['no time', { timestamp: null }, 'timestamp_malformed'],
    ['a time in words', { timestamp: '2026-01-02T03:04:05Z' }, 'timestamp_malformed'],
    ['a time that is no integer', { timestamp: `${TIMESTAMP}.5` }, 'timestamp_malformed'],
    ['a negative time', { timestamp: `-${TIMESTAMP}` }, 'timestamp_malformed'],
    ['milliseconds', { timestamp: String(NOW) }, 'timestamp_malformed'],
    ['no nonce', { nonce: null }, 'nonce_missing'],
    ['a short nonce', { nonce: 'x'.repeat(15) }, 'nonce_malformed'],
    ['a long nonce', { nonce: 'x'.repeat(129) }, 'nonce_malformed'],
    ['a nonce with a line feed', { nonce: `${NONCE}\n` }, 'nonce_malformed'],
  ])('refuses %s', (_name, changes, reason) => {
    expect(reasonOf(CALL, signed(CALL, changes))).toBe(reason);
  });

  it('is never satisfied without a secret', () => {
    expect(reasonOf(CALL, signed(CALL, {}, ''), [])).toBe('signature_invalid');
  });
});

describe('signatureOf', () => {
  const of = (headers: Record<string, string>, query = '') =>
    signatureOf({ headers } as unknown as IncomingMessage, () => new URLSearchParams(query));

  it('reads headers, or parameters, and never mixes them', () => {
    const parameters = 'x_signature=v1=aa&x_timestamp=1&x_nonce=n';
    expect(of({ 'x-signature': 'v1=bb', 'x-timestamp': '2' }, parameters)).toEqual({
      signature: 'v1=bb',
      timestamp: '2',
      nonce: null,
    });
    expect(of({ 'x-nonce': 'm' }, parameters)).toEqual({ signature: 'v1=aa', timestamp: '1', nonce: 'n' });
    expect(of({ 'x-nonce': 'm' }, 'x_signature=')).toBeNull();
  });
});
