/** When a platform is asked what became of events, and what its counts say of each. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { delivered, refused } from './definition.ts';
import { followUpAt, outcomesOfAll, pending, untold } from './follow-up.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const TIMES = { firstAfterMs: 30 * MINUTE_MS, lastAfterMs: 24 * HOUR_MS };

describe('followUpAt', () => {
  it('asks after half an hour, then after twice as long each time, for a day', () => {
    const times = [0, 1, 2, 3, 4, 5, 6].map((asked) => followUpAt(TIMES, { acceptedAt: 1_000, asked }));
    const after = times.map((at) => (at === null ? null : (at - 1_000) / HOUR_MS));
    expect(after).toEqual([0.5, 1, 2, 4, 8, 16, null]);
  });

  it('never asks again after it was done', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2_000 }), (asked) => {
        const at = followUpAt(TIMES, { acceptedAt: 0, asked });
        const next = followUpAt(TIMES, { acceptedAt: 0, asked: asked + 1 });
        return at === null ? next === null : next === null || next > at;
      }),
    );
  });
});

describe('outcomesOfAll', () => {
  const old = refused('event_too_old', 'event');

  it.each([
    ['all were taken', [{ count: 3, outcome: delivered() }], [delivered(), delivered(), delivered()]],
    ['all were dropped for one reason', [{ count: 2, outcome: old }], [old, old]],
    [
      'all fared alike in several groups',
      [
        { count: 1, outcome: delivered() },
        { count: 1, outcome: delivered() },
      ],
      [delivered(), delivered()],
    ],
    [
      'a group is empty',
      [
        { count: 0, outcome: old },
        { count: 1, outcome: delivered() },
      ],
      [delivered()],
    ],
    [
      'nobody knows which',
      [
        { count: 1, outcome: old },
        { count: 1, outcome: delivered() },
      ],
      null,
    ],
    ['there is nothing', [], null],
  ])('when %s', (_what, groups, outcomes) => {
    expect(outcomesOfAll(groups)).toEqual(outcomes);
  });
});

it('says why there is no answer, and no more than it knows', () => {
  expect(pending('processing')).toEqual({ answer: 'pending', reason: 'processing' });
  expect(pending('http_503', { detail: 'x', afterMs: 5 })).toEqual({
    answer: 'pending',
    reason: 'http_503',
    detail: 'x',
    afterMs: 5,
  });
  expect(pending('http_503', { afterMs: null })).toEqual({ answer: 'pending', reason: 'http_503' });
  expect(untold('counts_missing')).toEqual({ answer: 'untold', reason: 'counts_missing' });
});
