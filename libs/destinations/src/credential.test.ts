/** The OAuth refresh: its request, and what each reply of a token endpoint means. */
import { describe, expect, it } from 'vitest';
import { oauthRefresh } from './credential.ts';
import { SAMPLE_NOW } from './sample.ts';

interface Settings {
  readonly refreshToken: string | null;
}

const credential = oauthRefresh<Settings>({
  tokenUrl: () => 'https://login.example/token',
  grant: ({ refreshToken }) =>
    refreshToken === null ? null : { clientId: 'client 1', clientSecret: 's&cret', refreshToken },
  defaultLifetimeMs: 600_000,
});
const settings = { refreshToken: 'r/1=' };

describe('oauthRefresh', () => {
  it('asks by form, with everything in the body', () => {
    expect(credential.buildRequest({ settings, now: SAMPLE_NOW })).toEqual({
      method: 'POST',
      url: 'https://login.example/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: 'grant_type=refresh_token&refresh_token=r%2F1%3D&client_id=client+1&client_secret=s%26cret',
    });
  });

  it('is not needed where the settings hold a token, and then asks for nothing', () => {
    expect(credential.isNeeded(settings)).toBe(true);
    expect(credential.isNeeded({ refreshToken: null })).toBe(false);
    expect(() => credential.buildRequest({ settings: { refreshToken: null }, now: SAMPLE_NOW })).toThrow();
  });

  const token = (lifetimeMs: number) => ({
    outcome: 'granted',
    accessToken: 'token-1',
    expiresAt: SAMPLE_NOW + lifetimeMs,
  });
  const again = (reason: string) => ({ outcome: 'retry', reason });
  const refused = (reason: string) => ({ outcome: 'refused', reason });

  it.each([
    [200, '{"access_token":"token-1","expires_in":3600}', token(3_540_000)],
    [200, '{"access_token":"token-1","expires_in":"3600"}', token(3_540_000)],
    [200, '{"access_token":"token-1","expires_in":20}', token(10_000)],
    [200, '{"access_token":"token-1"}', token(540_000)],
    [200, '{"access_token":"to ken"}', again('token_unreadable')],
    [200, '{"access_token":"token-1","expires_in":-1}', again('token_unreadable')],
    [200, '<html>', again('token_unreadable')],
    [400, '{"error":"invalid_grant","error_description":"revoked"}', refused('token_invalid_grant')],
    [401, '{"error":"invalid_client"}', refused('token_invalid_client')],
    [400, '{"error":"temporarily_unavailable"}', again('http_400')],
    [403, '<html>', again('http_403')],
    [503, '{"error":"internal"}', again('http_503')],
    [302, '', refused('redirect_not_followed')],
  ])('%i %s', (status, body, outcome) => {
    const response = { status, headers: {}, body };
    expect(credential.judge({ response, settings, now: SAMPLE_NOW })).toEqual(outcome);
  });

  it('honours Retry-After', () => {
    const response = { status: 429, headers: { 'retry-after': '7' }, body: '' };
    expect(credential.judge({ response, settings, now: SAMPLE_NOW })).toEqual({
      outcome: 'retry',
      reason: 'http_429',
      afterMs: 7_000,
    });
  });
});
