/** The secret token of a call: where it may stand, and whether it is one of the source's, without telling how much of it was right. */
import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Parameters } from '@tributary/domain';
import { headerOf } from '../edge/http-exchange.ts';

/** Parameter that may carry the token, for senders that cannot set headers. */
export const TOKEN_PARAMETER = 'token';

/** The token beside a call's content: of the path, else `Authorization: Bearer`, else `X-Token`. */
export function tokenOfHead(request: IncomingMessage, pathToken: string | null): string | null {
  if (pathToken !== null && pathToken !== '') return pathToken;
  const bearer = /^Bearer (.+)$/i.exec(headerOf(request, 'authorization') ?? '')?.[1];
  return bearer ?? headerOf(request, 'x-token');
}

export function tokenOfQuery(query: URLSearchParams): string | null {
  return query.get(TOKEN_PARAMETER);
}

/** The token of one postback of a call, among its parameters. */
export function tokenOfRow(parameters: Parameters): string | null {
  const token = parameters.get(TOKEN_PARAMETER);
  return typeof token === 'string' ? token : null;
}

/** SHA-256 digests of the source's tokens; what is no such digest is left out and proves nothing. */
export function tokenDigests(tokenHashes: readonly string[]): readonly Buffer[] {
  return tokenHashes.filter((hex) => /^[0-9a-f]{64}$/.test(hex)).map((hex) => Buffer.from(hex, 'hex'));
}

/** Compares digests, so that lengths are equal and timing says nothing; every active token is tried. An empty token proves nothing. */
export function isToken(token: string, digests: readonly Buffer[]): boolean {
  if (token === '') return false;
  const digest = hash('sha256', token, 'buffer');
  let isProved = false;
  for (const known of digests) if (timingSafeEqual(known, digest)) isProved = true;
  return isProved;
}
