/** Who may post for a source: the secret token, compared without telling how much of it was right. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { headerOf } from '../edge/http-exchange.ts';

/** Parameter that may carry the token, for senders that cannot set headers. */
export const TOKEN_PARAMETER = 'token';

export type Credentials = 'proved' | 'missing' | 'wrong';

/** The token of a call: `Authorization: Bearer`, else `X-Token`, else the parameter. */
export function tokenOf(request: IncomingMessage, parameters: ReadonlyMap<string, string>): string | null {
  const bearer = /^Bearer (.+)$/i.exec(headerOf(request, 'authorization') ?? '')?.[1];
  return bearer ?? headerOf(request, 'x-token') ?? parameters.get(TOKEN_PARAMETER) ?? null;
}

/** Compares digests, so that lengths are equal and timing says nothing; every active token is tried. */
export function checkToken(token: string | null, tokenHashes: readonly string[]): Credentials {
  if (token === null || token === '') return 'missing';
  const digest = createHash('sha256').update(token, 'utf8').digest();
  let isProved = false;
  for (const hash of tokenHashes) {
    const known = Buffer.from(hash, 'hex');
    if (known.length === digest.length && timingSafeEqual(known, digest)) isProved = true;
  }
  return isProved ? 'proved' : 'wrong';
}
