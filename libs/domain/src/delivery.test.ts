/** Delivery rules: the outward key, the retry ladder, Retry-After, and judgement by status or network error. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AttemptAnswer,
  type AttemptOutcome,
  correctionKey,
  FAST_LADDER_MS,
  judgeNetworkError,
  judgeStatus,
  mayHaveArrived,
  NETWORK_ERRORS,
  type NetworkError,
  nextAttempt,
  outwardKey,
  parseRetryAfter,
} from './delivery.ts';
import { deterministicUuid } from './deterministic-id.ts';

describe('outwardKey', () => {
  it('depends on conversion, destination and outward event, and on nothing else', () => {
    const key = outwardKey('c1', 'd1', 'Purchase');
    expect(key).toBe(deterministicUuid('outward_event', 'c1', 'd1', 'Purchase'));
    expect(outwardKey('c2', 'd1', 'Purchase')).not.toBe(key);
    expect(outwardKey('c1', 'd2', 'Purchase')).not.toBe(key);
    expect(outwardKey('c1', 'd1', 'Lead')).not.toBe(key);
  });
});

describe('correctionKey', () => {
  it('depends on the revision too, and is never the key of the event', () => {
    const keys = [
      outwardKey('c1', 'd1', 'Purchase'),
      correctionKey('c1', 'd1', 'Purchase', 2),
      correctionKey('c1', 'd1', 'Purchase', 3),
      correctionKey('c1', 'd1', 'Lead', 2),
      correctionKey('c1', 'd2', 'Purchase', 2),
      correctionKey('c2', 'd1', 'Purchase', 2),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(correctionKey('c1', 'd1', 'Purchase', 2)).toBe(keys[1]);
  });
});

describe('nextAttempt', () => {
  const middle = 0.5;

  it.each([
    [
      { attempt: 1, random: middle },
      { kind: 'again', delayMs: 1_000 },
    ],
    [
      { attempt: 2, random: middle },
      { kind: 'again', delayMs: 5_000 },
    ],
    [
      { attempt: 3, random: middle },
      { kind: 'again', delayMs: 30_000 },
    ],
    [{ attempt: 4, random: middle }, { kind: 'dead' }],
    [{ attempt: 9, random: middle }, { kind: 'dead' }],
    [
      { attempt: 1, random: 0 },
      { kind: 'again', delayMs: 800 },
    ],
    [
      { attempt: 1, random: 0.999_999 },
      { kind: 'again', delayMs: 1_200 },
    ],
    [
      { attempt: 3, random: 0 },
      { kind: 'again', delayMs: 24_000 },
    ],
    [
      { attempt: 1, random: middle, retryAfterMs: 60_000 },
      { kind: 'again', delayMs: 60_000 },
    ],
    [
      { attempt: 1, random: middle, retryAfterMs: 0 },
      { kind: 'again', delayMs: 1_000 },
    ],
    [
      { attempt: 3, random: middle, retryAfterMs: 2_000 },
      { kind: 'again', delayMs: 30_000 },
    ],
    [
      { attempt: 1, random: middle, retryAfterMs: 86_400_000 },
      { kind: 'again', delayMs: 3_600_000 },
    ],
    [{ attempt: 4, random: middle, retryAfterMs: 60_000 }, { kind: 'dead' }],
    [{ attempt: 1, random: middle, scheduleMs: [] }, { kind: 'dead' }],
    [
      { attempt: 2, random: middle, scheduleMs: [10, 7_200_000] },
      { kind: 'again', delayMs: 7_200_000 },
    ],
    [
      { attempt: 2, random: middle, scheduleMs: [10, 7_200_000], retryAfterMs: 1_000 },
      { kind: 'again', delayMs: 7_200_000 },
    ],
  ])('%o → %o', (ended, next) => {
    expect(nextAttempt(ended)).toEqual(next);
  });

  it('stays within 20 % of the ladder, and within the ladder and one hour with Retry-After', () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    const asked = fc.option(fc.nat(10_000_000), { nil: undefined });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), random, asked, (attempt, draw, retryAfterMs) => {
        const stepMs = FAST_LADDER_MS[attempt - 1] ?? 0;
        const next = nextAttempt({ attempt, random: draw, retryAfterMs });
        if (next.kind === 'dead') throw new Error('the ladder has three steps');
        expect(next.delayMs).toBeGreaterThanOrEqual(stepMs * 0.8);
        expect(next.delayMs).toBeLessThanOrEqual(retryAfterMs === undefined ? stepMs * 1.2 : 3_600_000);
        expect(Number.isInteger(next.delayMs)).toBe(true);
      }),
    );
  });
});

describe('parseRetryAfter', () => {
  const now = Date.UTC(1994, 10, 6, 8, 49, 0);

  it.each([
    ['120', 120_000],
    ['0', 0],
    [' 5 ', 5_000],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 37_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 37_000],
    ['Sun Nov  6 08:49:37 1994', 37_000],
    ['Sun, 06 Nov 1994 08:00:00 GMT', 0],
  ])('reads %j as %i ms', (header, ms) => {
    expect(parseRetryAfter(header, now)).toBe(ms);
  });

  it.each([
    null,
    undefined,
    '',
    'soon',
    '-5',
    '1.5',
    '1e3',
    '60s',
    '99999999999',
    '1994-11-06T08:49:37Z',
    'Sun, 99 Nov 1994 08:49:37 GMT',
  ])('finds nothing in %j', (header) => {
    expect(parseRetryAfter(header, now)).toBeNull();
  });
});

describe('judgeStatus', () => {
  it.each([200, 201, 202, 204, 299])('%i is delivered', (status) => {
    expect(judgeStatus({ status })).toEqual({ outcome: 'delivered' });
  });

  it.each([408, 425, 429, 500, 502, 503, 504, 599])('%i is tried again', (status) => {
    expect(judgeStatus({ status })).toEqual({ outcome: 'retry', reason: `http_${status}` });
  });

  it.each([300, 301, 302, 303, 304, 307, 308])('%i is refused and not followed', (status) => {
    expect(judgeStatus({ status })).toEqual({
      outcome: 'refused',
      reason: 'redirect_not_followed',
      scope: 'destination',
    });
  });

  it.each([
    [400, 'event'],
    [404, 'event'],
    [409, 'event'],
    [422, 'event'],
    [401, 'destination'],
    [403, 'destination'],
    [407, 'destination'],
    [410, 'destination'],
  ])('%i is refused and concerns the %s', (status, scope) => {
    expect(judgeStatus({ status })).toEqual({ outcome: 'refused', reason: `http_${status}`, scope });
  });

  it.each([0, 100, 101, 600, 999])('%i is no final answer, so it is tried again', (status) => {
    expect(judgeStatus({ status })).toMatchObject({ outcome: 'retry' });
  });

  it('passes Retry-After on', () => {
    expect(judgeStatus({ status: 429, retryAfterMs: 7_000 })).toEqual({
      outcome: 'retry',
      reason: 'http_429',
      afterMs: 7_000,
    });
  });
});

describe('judgeNetworkError', () => {
  const lasting: readonly NetworkError[] = ['tls_certificate_invalid', 'address_blocked'];

  it.each(NETWORK_ERRORS)('%s', (error) => {
    const expected = lasting.includes(error)
      ? { outcome: 'refused', reason: error, scope: 'destination' }
      : { outcome: 'retry', reason: error };
    expect(judgeNetworkError(error)).toEqual(expected);
  });
});

describe('mayHaveArrived', () => {
  const retry = { outcome: 'retry', reason: 'any' } as const;
  const refused = { outcome: 'refused', reason: 'any', scope: 'event' } as const;
  it.each<[AttemptOutcome, AttemptAnswer, boolean]>([
    [{ outcome: 'delivered' }, { status: 200 }, false],
    [retry, { error: 'connection_refused' }, false],
    [retry, { error: 'connect_timeout' }, false],
    [retry, { error: 'dns_failure' }, false],
    [refused, { error: 'tls_certificate_invalid' }, false],
    [retry, { error: 'timeout' }, true],
    [retry, { error: 'connection_reset' }, true],
    [retry, { error: 'response_too_large' }, true],
    [retry, { status: 200 }, true],
    [refused, { status: 200 }, false],
    [retry, { status: 429 }, false],
    [retry, { status: 401 }, false],
    [refused, { status: 302 }, false],
    [retry, { status: 503 }, false],
    [retry, { status: 500 }, true],
    [retry, { status: 504 }, true],
    [retry, { status: 100 }, true],
  ])('%o answered %o: %s', (outcome, answer, expected) => {
    expect(mayHaveArrived(outcome, answer)).toBe(expected);
  });
});
