/** What the guard of a destination holds: as a table, and laws over any guard. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Money } from './money.ts';
import { type GuardCase, guardVerdict, type OutlierGuard, PassedWithinHour } from './outlier-guard.ts';

const CHANGED_AT = 1_000_000_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const GUARD: OutlierGuard = {
  forMs: DAY_MS,
  maxValue: new Map([
    ['EUR', 500_000_000n],
    ['JPY', 80_000_000_000n],
  ]),
  maxPerHour: 3,
  releasedAt: null,
};

const money = (units: number, currency = 'EUR'): Money => ({ micros: BigInt(units) * 1_000_000n, currency });

function verdict(changes: Partial<GuardCase> = {}, guard: Partial<OutlierGuard> = {}): string {
  const now = CHANGED_AT + HOUR_MS;
  const given = { amounts: [money(20)], decidedAt: now, passed: 0, changedAt: () => CHANGED_AT, now };
  const found = guardVerdict({ guard: { ...GUARD, ...guard }, ...given, ...changes });
  return found.kind === 'pass' ? 'pass' : `${found.reason} until +${(found.until - CHANGED_AT) / HOUR_MS} h`;
}

describe('guardVerdict', () => {
  it.each<[string, Partial<GuardCase>, Partial<OutlierGuard>, string]>([
    ['an ordinary amount', {}, {}, 'pass'],
    ['the limit itself', { amounts: [money(500)] }, {}, 'pass'],
    ['cents taken for units', { amounts: [money(2_000)] }, {}, 'guard_value until +24 h'],
    ['another currency has another limit', { amounts: [money(2_000, 'JPY')] }, {}, 'pass'],
    ['a currency that nobody expected', { amounts: [money(20, 'USD')] }, {}, 'guard_currency until +24 h'],
    ['taken back, in whatever currency', { amounts: [money(0, 'USD')] }, {}, 'pass'],
    ['one amount of two', { amounts: [money(20), money(501)] }, {}, 'guard_value until +24 h'],
    ['no amount at all', { amounts: [] }, {}, 'pass'],
    ['amounts are not judged', { amounts: [money(2_000)] }, { maxValue: null }, 'pass'],
    ['the last within an hour', { passed: 2 }, {}, 'pass'],
    ['one more', { passed: 3 }, {}, 'guard_rate until +24 h'],
    ['they are not counted', { passed: 3_000 }, { maxPerHour: null }, 'pass'],
    [
      'just before its time is over',
      { passed: 3, now: CHANGED_AT + DAY_MS - 1 },
      {},
      'guard_rate until +24 h',
    ],
    ['its time is over', { passed: 3, now: CHANGED_AT + DAY_MS }, {}, 'pass'],
    [
      'decided before somebody released it',
      { amounts: [money(2_000)] },
      { releasedAt: CHANGED_AT + HOUR_MS },
      'pass',
    ],
    [
      'decided after that',
      { amounts: [money(2_000)] },
      { releasedAt: CHANGED_AT + HOUR_MS - 1 },
      'guard_value until +24 h',
    ],
  ])('%s', (_name, changes, guard, expected) => {
    expect(verdict(changes, guard)).toBe(expected);
  });

  const amounts = fc.array(
    fc.record({ micros: fc.bigInt({ min: 0n, max: 2_000_000n }), currency: fc.constantFrom('EUR', 'USD') }),
    { maxLength: 2 },
  );
  const guards = fc.record({
    forMs: fc.integer({ min: 1, max: 1_000 }),
    maxValue: fc.option(fc.bigInt({ min: 0n, max: 2_000_000n }).map((limit) => new Map([['EUR', limit]]))),
    maxPerHour: fc.option(fc.integer({ min: 1, max: 10 })),
    releasedAt: fc.option(fc.integer({ min: 0, max: 2_000 })),
  });
  const cases = fc.record({
    guard: guards,
    amounts,
    decidedAt: fc.integer({ min: 0, max: 2_000 }),
    passed: fc.integer({ min: 0, max: 20 }),
    changedAt: fc.integer({ min: 0, max: 1_000 }).map((at) => () => at),
    now: fc.integer({ min: 0, max: 3_000 }),
  });

  it('what is held passes by itself when its time is over, and at once when it is released', () => {
    fc.assert(
      fc.property(cases, (given) => {
        const found = guardVerdict(given);
        if (found.kind === 'pass') return;
        expect(found.until).toBeGreaterThan(given.now);
        expect(guardVerdict({ ...given, now: found.until }).kind).toBe('pass');
        const guard = { ...given.guard, releasedAt: given.decidedAt };
        expect(guardVerdict({ ...given, guard }).kind).toBe('pass');
      }),
    );
  });

  it('a lower amount or a smaller number never is held where a higher one passes', () => {
    fc.assert(
      fc.property(cases, fc.bigInt({ min: 0n, max: 2_000_000n }), (given, less) => {
        if (guardVerdict(given).kind === 'hold') return;
        const lower = given.amounts.map(({ micros, currency }) => ({
          micros: micros > less ? micros - less : 0n,
          currency,
        }));
        const passed = Math.max(0, given.passed - 1);
        expect(guardVerdict({ ...given, amounts: lower, passed }).kind).toBe('pass');
      }),
    );
  });
});

it('never lets more pass within an hour than it may, whenever they come', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 4 * HOUR_MS }), { maxLength: 60 }), (times) => {
      const counter = new PassedWithinHour();
      const passed: number[] = [];
      for (const now of times.toSorted((a, b) => a - b)) {
        const given = { guard: GUARD, amounts: [], decidedAt: now, changedAt: () => 0, now };
        if (guardVerdict({ ...given, passed: counter.count(now) }).kind === 'hold') continue;
        counter.note(now);
        passed.push(now);
      }
      for (const at of passed)
        expect(passed.filter((each) => each > at - HOUR_MS && each <= at).length).toBeLessThanOrEqual(3);
    }),
  );
});

it('counts what was taken back no more', () => {
  const counter = new PassedWithinHour();
  counter.note(0);
  counter.note(1);
  counter.takeBack(1);
  expect(counter.count(2)).toBe(1);
  expect(counter.count(2 * HOUR_MS)).toBe(0);
});
