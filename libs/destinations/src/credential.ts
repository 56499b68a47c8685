/** Access tokens that must be fetched: the exchange as data and pure functions, and the OAuth 2.0 refresh that most platforms use. */
import { judgeStatus, parseRetryAfter } from '@tributary/domain';
import { z } from 'zod';
import { parseJson } from './json-text.ts';
import type { OutwardRequest, OutwardResponse } from './outward-request.ts';

/** What became of asking for an access token. `reason` is a stable code. */
export type TokenOutcome =
  | {
      readonly outcome: 'granted';
      readonly accessToken: string;
      /** When to fetch the next one; epoch milliseconds, UTC. */
      readonly expiresAt: number;
    }
  | { readonly outcome: 'retry'; readonly reason: string; readonly afterMs?: number }
  /** Until somebody connects the destination again. */
  | { readonly outcome: 'refused'; readonly reason: string };

export interface TokenRequestInput<S> {
  readonly settings: S;
  /** Epoch milliseconds, UTC. */
  readonly now: number;
}

export interface TokenJudgeInput<S> extends TokenRequestInput<S> {
  readonly response: OutwardResponse;
}

/** How a destination comes by its access token. Neither the request nor the response is ever recorded: both are secrets. */
export interface Credential<S> {
  /** False where the settings hold a token that needs no exchange. */
  isNeeded(settings: S): boolean;
  buildRequest(input: TokenRequestInput<S>): OutwardRequest;
  judge(input: TokenJudgeInput<S>): TokenOutcome;
}

/** What a refresh grant is made of. */
export interface RefreshGrant {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly refreshToken: string;
}

export interface OAuthRefresh<S> {
  tokenUrl(settings: S): string;
  /** Null where the settings hold a token that needs no exchange. */
  grant(settings: S): RefreshGrant | null;
  /** How long a token lives when the reply does not say. */
  readonly defaultLifetimeMs: number;
}

/** Fetched this much earlier than it ends, so that no request is under way with a token that has just ended. */
const EARLY_MS = 60_000;

/** A token goes into a header, so nothing but printable ASCII can be one. */
const granted = z.looseObject({
  access_token: z.string().regex(/^[\x21-\x7e]+$/),
  // RFC 6749 has a number; some servers write it as text.
  expires_in: z.coerce.number().positive().optional(),
});

const failed = z.looseObject({ error: z.string() });

/**
 * Errors of RFC 6749 §5.2 that a repeat cannot mend. The first is the common one: the refresh token was withdrawn or has
 * ended. Every other error is tried again.
 */
const LASTING_ERRORS: readonly string[] = [
  'invalid_grant',
  'invalid_client',
  'invalid_request',
  'invalid_scope',
  'unauthorized_client',
  'unsupported_grant_type',
];

/** The refresh of RFC 6749 §6, with the client's credentials in the body. */
export function oauthRefresh<S>({ tokenUrl, grant, defaultLifetimeMs }: OAuthRefresh<S>): Credential<S> {
  return {
    isNeeded: (settings) => grant(settings) !== null,

    buildRequest: ({ settings }) => {
      const given = grant(settings);
      if (given === null) throw new Error('these settings need no exchange of tokens');
      const { clientId, clientSecret, refreshToken } = given;
      const form = new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: refreshToken,
        client_id: clientId,
        client_secret: clientSecret,
      });
      return {
        method: 'POST',
        url: tokenUrl(settings),
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
        body: form.toString(),
      };
    },

    judge: ({ response: { status, headers, body }, now }) => {
      const afterMs = parseRetryAfter(headers['retry-after'], now);
      const byStatus = judgeStatus({ status, retryAfterMs: afterMs });
      const json = parseJson(body);
      const token = granted.safeParse(json);
      if (byStatus.outcome === 'delivered') {
        if (!token.success) return { outcome: 'retry', reason: 'token_unreadable' };
        const { access_token: accessToken, expires_in: seconds } = token.data;
        const lifetimeMs = seconds === undefined ? defaultLifetimeMs : seconds * 1_000;
        return { outcome: 'granted', accessToken, expiresAt: now + lifetimeMs - earlyMs(lifetimeMs) };
      }
      const error = failed.safeParse(json);
      if (error.success && LASTING_ERRORS.includes(error.data.error)) {
        return { outcome: 'refused', reason: `token_${error.data.error}` };
      }
      const { outcome, reason } = byStatus;
      // A 4xx without a word of the standard is some gateway's, and not what the platform thinks of the grant.
      if (outcome === 'refused' && status >= 300 && status < 400) return { outcome, reason };
      return { outcome: 'retry', reason, ...(afterMs === null ? {} : { afterMs }) };
    },
  };
}

function earlyMs(lifetimeMs: number): number {
  return Math.min(EARLY_MS, lifetimeMs / 2);
}
