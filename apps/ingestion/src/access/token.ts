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

/** The secret tokens of one source. */
export class SourceTokens {
  readonly #digests: readonly Buffer[];
  /** In clear, once its digest has proved it: hashing the same token for every call would cost more than all else of a proof. */
  readonly #proved: string[] = [];

  /** @param tokenHashes SHA-256 as hex; what is no such digest is left out and proves nothing. */
  constructor(tokenHashes: readonly string[]) {
    this.#digests = tokenHashes
      .filter((hex) => /^[0-9a-f]{64}$/.test(hex))
      .map((hex) => Buffer.from(hex, 'hex'));
  }

  get isEmpty(): boolean {
    return this.#digests.length === 0;
  }

  /** Timing tells nothing of how much of a token was right. An empty one proves nothing. */
  holds(token: string): boolean {
    if (token === '') return false;
    for (const known of this.#proved) if (isSame(token, known)) return true;
    if (!this.#isProvedByDigest(token)) return false;
    this.#proved.push(token);
    return true;
  }

  #isProvedByDigest(token: string): boolean {
    const digest = hash('sha256', token, 'buffer');
    let isProved = false;
    for (const known of this.#digests) if (timingSafeEqual(known, digest)) isProved = true;
    return isProved;
  }
}

/** As long as the token that was sent, whatever the known one is. */
function isSame(sent: string, known: string): boolean {
  let difference = sent.length ^ known.length;
  for (let at = 0; at < sent.length; at++)
    difference |= sent.charCodeAt(at) ^ known.charCodeAt(at % known.length);
  return difference === 0;
}
