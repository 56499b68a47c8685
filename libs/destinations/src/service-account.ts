/** Access tokens for Google's service accounts: an assertion signed with the account's own key, RFC 7523 §2.1. */
import { createPrivateKey, sign } from 'node:crypto';
import { z } from 'zod';
import { parseJson } from './json-text.ts';
import type { OutwardRequest } from './outward-request.ts';
import { secret } from './settings.ts';

/** For how long an assertion is asked to hold: Google takes one hour at most. */
const ASSERTION_LIFETIME_S = 3_600;

/** What is read of the JSON file that Google hands out for a service account. */
const keyFile = z.looseObject({
  client_email: z.string().min(1),
  private_key_id: z.string().optional(),
  private_key: z.string().min(1),
});
type KeyFile = z.output<typeof keyFile>;

/** The base64 of the whole JSON file; one line of printable ASCII, as every secret. */
export function serviceAccountKey() {
  return secret().refine(
    (text) => readKey(text) !== null,
    "must be the base64 of a service account's JSON key",
  );
}

export interface AssertionInput {
  /** Of {@link serviceAccountKey}. */
  readonly key: string;
  readonly scope: string;
  readonly tokenUrl: string;
  /** Epoch milliseconds, UTC. */
  readonly now: number;
}

/** The request that trades a signed assertion for an access token. @throws Error when the key cannot be read */
export function assertionRequest({ key, scope, tokenUrl, now }: AssertionInput): OutwardRequest {
  const file = readKey(key);
  if (file === null) throw new Error('not the key of a service account');
  const issuedAt = Math.floor(now / 1_000);
  const assertion = signed(file, {
    iss: file.client_email,
    scope,
    aud: tokenUrl,
    iat: issuedAt,
    exp: issuedAt + ASSERTION_LIFETIME_S,
  });
  const form = new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion });
  return {
    method: 'POST',
    url: tokenUrl,
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: form.toString(),
  };
}

function signed({ private_key, private_key_id }: KeyFile, claims: Readonly<Record<string, unknown>>): string {
  const head = [{ alg: 'RS256', typ: 'JWT', kid: private_key_id }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${head}.${sign('sha256', Buffer.from(head), private_key).toString('base64url')}`;
}

function readKey(text: string): KeyFile | null {
  const parsed = keyFile.safeParse(parseJson(Buffer.from(text, 'base64').toString('utf8')));
  return parsed.success && isRsaKey(parsed.data.private_key) ? parsed.data : null;
}

function isRsaKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyType === 'rsa';
  } catch {
    return false;
  }
}
