/** Numbers of tiers: none is given twice, and none is left out. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_TIER_USE, nextPosition, type TierUse, withPosition } from './tier-use.ts';

const useOf = (positions: readonly number[]) => positions.reduce(withPosition, NO_TIER_USE);

function given(use: TierUse, count: number): readonly number[] {
  if (count === 0) return [];
  const position = nextPosition(use);
  return [position, ...given(withPosition(use, position), count - 1)];
}

it.each([
  ['nothing', [], { end: 0, gaps: [] }, 0],
  ['the first two', [0, 1], { end: 2, gaps: [] }, 2],
  ['the third alone', [2], { end: 3, gaps: [0, 1] }, 0],
  ['the second and the fifth', [4, 1], { end: 5, gaps: [0, 2, 3] }, 0],
])('of %s', (_name, positions, use, next) => {
  expect(useOf(positions)).toEqual(use);
  expect(nextPosition(useOf(positions))).toBe(next);
});

describe('whatever arrived', () => {
  const arrived = fc.uniqueArray(fc.nat(30), { maxLength: 20 });

  it('counts by what was given, not by the order in which it is met', () => {
    fc.assert(
      fc.property(arrived, (positions) => {
        expect(useOf(positions)).toEqual(useOf(positions.toSorted((a, b) => a - b)));
      }),
    );
  });

  it('is filled up to a count without a hole and without a repeat', () => {
    fc.assert(
      fc.property(arrived, (positions) => {
        const missing = 40 - positions.length;
        const all = [...positions, ...given(useOf(positions), missing)];
        expect(all.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index));
      }),
    );
  });

  it('does not change when a number is met again', () => {
    fc.assert(
      fc.property(arrived, (positions) => {
        expect(useOf([...positions, ...positions])).toEqual(useOf(positions));
      }),
    );
  });
});
