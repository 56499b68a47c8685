/** The timer wheel: every due time is reached, never early, with few hops and without adding up lateness. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decidePop,
  levelFor,
  TIMER_LEVEL_MS,
  TIMER_LEVELS,
  type TimerLevel,
  whenToPop,
} from './timer-wheel.ts';

const HOUR = 3_600_000;

describe('levelFor', () => {
  it.each<[number, TimerLevel]>([
    [-5, '1s'],
    [0, '1s'],
    [999, '1s'],
    [1_000, '1s'],
    [4_999, '1s'],
    [5_000, '5s'],
    [29_999, '5s'],
    [30_000, '30s'],
    [299_999, '30s'],
    [300_000, '5m'],
    [3_599_999, '5m'],
    [3_600_000, '1h'],
    [30 * 24 * HOUR, '1h'],
  ])('%i ms waits at %s', (remainderMs, level) => {
    expect(levelFor(remainderMs)).toBe(level);
  });

  it('lists its levels shortest first', () => {
    const rests = TIMER_LEVELS.map((level) => TIMER_LEVEL_MS[level]);
    expect(rests).toEqual(rests.toSorted((a, b) => a - b));
  });
});

describe('whenToPop', () => {
  it.each([
    [{ dueAt: 10_000, enqueuedAt: 0, levelMs: 5_000 }, 5_000],
    [{ dueAt: 5_000, enqueuedAt: 0, levelMs: 5_000 }, 5_000],
    [{ dueAt: 700, enqueuedAt: 0, levelMs: 1_000 }, 700],
    [{ dueAt: -100, enqueuedAt: 0, levelMs: 1_000 }, -100],
  ])('%o pops at %i', (entry, at) => {
    expect(whenToPop(entry)).toBe(at);
  });
});

describe('decidePop', () => {
  it.each([
    [{ dueAt: 10_000, now: 10_000 }, { kind: 'due' }],
    [{ dueAt: 10_000, now: 12_000 }, { kind: 'due' }],
    [
      { dueAt: 10_000, now: 9_999 },
      { kind: 'wait', until: 10_000 },
    ],
    [
      { dueAt: 10_000, now: 9_001 },
      { kind: 'wait', until: 10_000 },
    ],
    [
      { dueAt: 10_000, now: 9_000 },
      { kind: 'move', level: '1s' },
    ],
    [
      { dueAt: 10_000, now: 5_000 },
      { kind: 'move', level: '5s' },
    ],
    [
      { dueAt: 10 * HOUR, now: 0 },
      { kind: 'move', level: '1h' },
    ],
  ])('%o → %o', (popped, decision) => {
    expect(decidePop(popped)).toEqual(decision);
  });
});

interface Ride {
  readonly firedAt: number;
  readonly hops: number;
  readonly lastLagMs: number;
}

/** Rides a record through the wheel; every pop is late by the next of `lagsMs`, as a busy consumer would be. */
function ride(dueAt: number, start: number, lagsMs: readonly number[]): Ride {
  let enqueuedAt = start;
  let level = levelFor(dueAt - start);
  for (let hops = 0; ; hops++) {
    const lastLagMs = lagsMs[hops % lagsMs.length] ?? 0;
    const now =
      Math.max(enqueuedAt, whenToPop({ dueAt, enqueuedAt, levelMs: TIMER_LEVEL_MS[level] })) + lastLagMs;
    const decision = decidePop({ dueAt, now });
    if (decision.kind === 'due') return { firedAt: now, hops, lastLagMs };
    if (decision.kind === 'wait') return { firedAt: decision.until, hops, lastLagMs };
    enqueuedAt = now;
    level = decision.level;
  }
}

/** One hop an hour, and then at most 11 of five minutes, 9 of 30 s, 5 of 5 s and 4 of 1 s. */
function mostHops(remainderMs: number): number {
  return Math.max(0, Math.floor(remainderMs / HOUR)) + 11 + 9 + 5 + 4;
}

describe('the whole ride', () => {
  const start = fc.integer({ min: 0, max: 2_000_000_000_000 });
  const remainder = fc.oneof(
    fc.integer({ min: -10_000, max: 10_000 }),
    fc.integer({ min: 0, max: HOUR }),
    fc.integer({ min: 0, max: 30 * 24 * HOUR }),
  );

  it('fires at the due time to the millisecond when pops are punctual', () => {
    fc.assert(
      fc.property(start, remainder, (now, remainderMs) => {
        const { firedAt, hops } = ride(now + remainderMs, now, [0]);
        expect(firedAt).toBe(Math.max(now, now + remainderMs));
        expect(hops).toBeLessThanOrEqual(mostHops(remainderMs));
      }),
    );
  });

  it('is never early, and late only by its last pop, when pops are late', () => {
    const lags = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(start, remainder, lags, (now, remainderMs, lagsMs) => {
        const dueAt = now + remainderMs;
        const { firedAt, hops, lastLagMs } = ride(dueAt, now, lagsMs);
        expect(firedAt).toBeGreaterThanOrEqual(dueAt);
        expect(firedAt).toBeLessThanOrEqual(Math.max(now, dueAt) + lastLagMs);
        expect(hops).toBeLessThanOrEqual(mostHops(remainderMs));
      }),
    );
  });

  it('keeps a level first in, first out: who is put on it later is not ready earlier', () => {
    const level = fc.constantFrom(...TIMER_LEVELS.slice(1));
    fc.assert(
      fc.property(level, fc.nat(HOUR), fc.nat(HOUR), fc.nat(HOUR), (name, gap, extraA, extraB) => {
        const levelMs = TIMER_LEVEL_MS[name];
        const first = whenToPop({ enqueuedAt: 0, dueAt: levelMs + extraA, levelMs });
        const second = whenToPop({ enqueuedAt: gap, dueAt: gap + levelMs + extraB, levelMs });
        expect(second).toBeGreaterThanOrEqual(first);
      }),
    );
  });
});
