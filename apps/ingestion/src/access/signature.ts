/** The signature of a call: what is signed, where it stands, and whether one of the source's secrets made it. docs/signing.md is its page. */
import { createHmac, hash, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { headerOf } from '../edge/http-exchange.ts';
import { type AccessRefusal, accessRefusal } from './access-refusal.ts';

/** The same three for senders that cannot set headers; `timestamp` alone already means occurredAt. */
export const SIGNATURE_PARAMETERS = ['x_signature', 'x_timestamp', 'x_nonce'] as const;

/** How far the signer's clock may be from ours, both ways. */
export const SIGNATURE_WINDOW_MS = 300_000;

/** What a signed call says of itself. */
export interface Signature {
  readonly signature: string;
  readonly timestamp: string | null;
  readonly nonce: string | null;
}

/** The call as it came over the wire: nothing decoded, nothing put in order. */
export interface SignedCall {
  readonly method: string;
  /** Path and query of the request line. */
  readonly target: string;
  /** The body before anything was decoded; empty for none. */
  readonly body: Uint8Array;
}

/** Version and digest: exactly as many hexadecimal digits as SHA-256 has, so that nothing is cut or filled up in silence. */
const SIGNATURE = /^v1=([0-9a-f]{64})$/i;
const TIMESTAMP = /^\d{1,12}$/;
const NONCE = /^[A-Za-z0-9_-]{16,128}$/;
const NO_BODY_HASH = hash('sha256', '', 'hex');

/** The signature of a call, all of it from the headers or all of it from the query; null for a call without one. */
export function signatureOf(request: IncomingMessage, query: () => URLSearchParams): Signature | null {
  const inHeader = headerOf(request, 'x-signature');
  if (inHeader !== null) {
    return {
      signature: inHeader,
      timestamp: headerOf(request, 'x-timestamp'),
      nonce: headerOf(request, 'x-nonce'),
    };
  }
  const parameters = query();
  const signature = parameters.get('x_signature');
  if (signature === null || signature === '') return null;
  return { signature, timestamp: parameters.get('x_timestamp'), nonce: parameters.get('x_nonce') };
}

/**
 * What is signed: seven lines joined by a line feed, without one at the end. The query is taken as sent, in its parts
 * between `&` without `x_signature`, sorted by their bytes: decoding it first would leave open how it was encoded.
 */
export function canonicalCall(
  { method, target, body }: SignedCall,
  timestamp: string,
  nonce: string,
): string {
  const end = target.indexOf('?');
  const path = end < 0 ? target : target.slice(0, end);
  const query = end < 0 ? '' : sortedQuery(target.slice(end + 1));
  const bodyHash = body.length === 0 ? NO_BODY_HASH : hash('sha256', body, 'hex');
  return `v1\n${method}\n${path}\n${query}\n${bodyHash}\n${timestamp}\n${nonce}`;
}

function sortedQuery(query: string): string {
  return query
    .split('&')
    .filter((part) => part !== '' && part !== 'x_signature' && !part.startsWith('x_signature='))
    .sort()
    .join('&');
}

/**
 * Null for a call that one of the secrets signed within the window. What can be judged by its form comes first: a call
 * that is refused for it costs no hash.
 * @param now epoch milliseconds of our own clock; the sender's is not asked.
 */
export function judgeSignature(
  call: SignedCall,
  { signature, timestamp, nonce }: Signature,
  keys: readonly KeyObject[],
  now: number,
): AccessRefusal | null {
  const hex = SIGNATURE.exec(signature)?.[1];
  if (hex === undefined)
    return accessRefusal('signature_invalid', 'X-Signature', 'v1= and 64 hexadecimal digits');
  if (timestamp === null || !TIMESTAMP.test(timestamp))
    return accessRefusal('timestamp_malformed', 'X-Timestamp', 'seconds since 1970, UTC');
  if (nonce === null || nonce === '')
    return accessRefusal('nonce_missing', 'X-Nonce', '16 to 128 of A-Z, a-z, 0-9, _ and -');
  if (!NONCE.test(nonce))
    return accessRefusal('nonce_malformed', 'X-Nonce', '16 to 128 of A-Z, a-z, 0-9, _ and -');
  if (Math.abs(now - Number(timestamp) * 1_000) > SIGNATURE_WINDOW_MS)
    return accessRefusal('signature_expired', 'X-Timestamp', 'a time at most 300 s from now');
  const given = Buffer.from(hex, 'hex');
  // Node hands over the request line as latin1, so this gives back the bytes that were sent.
  const signed = Buffer.from(canonicalCall(call, timestamp, nonce), 'latin1');
  let isProved = false;
  for (const key of keys) {
    const expected = createHmac('sha256', key).update(signed).digest();
    if (timingSafeEqual(expected, given)) isProved = true;
  }
  return isProved
    ? null
    : accessRefusal('signature_invalid', 'X-Signature', 'a signature by a secret of the source');
}
