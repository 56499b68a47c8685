/** Splits over clicks: every micro-unit is given to somebody, and the order of the credits changes nothing. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_MICROS } from '../money.ts';
import { type Credit, creditsOf } from './models.ts';
import { splitByCredits } from './splits.ts';
import { ATTRIBUTION_MODELS } from './terms.ts';

const credits = (...shares: readonly (readonly [string, number])[]): Credit[] => {
  const denominator = shares.reduce((sum, [, numerator]) => sum + numerator, 0);
  return shares.map(([clickId, numerator]) => ({ clickId, partnerId: null, numerator, denominator }));
};

describe('a split by credits', () => {
  it.each<[string, bigint, Credit[], bigint[]]>([
    ['nothing to nobody', 100n, [], []],
    ['all to the only one', 7n, credits(['a', 1]), [7n]],
    ['in proportion', 100n, credits(['a', 2], ['b', 1], ['c', 2]), [40n, 20n, 40n]],
    ['the rest to the larger remainder', 10n, credits(['a', 1], ['b', 2]), [3n, 7n]],
    ['a tie to the smaller click id', 10n, credits(['c', 1], ['a', 1], ['b', 1]), [3n, 4n, 3n]],
    ['the same below zero', -10n, credits(['c', 1], ['a', 1], ['b', 1]), [-3n, -4n, -3n]],
    ['zero', 0n, credits(['a', 1], ['b', 1]), [0n, 0n]],
    ['the largest amount', MAX_MICROS, credits(['a', 1], ['b', 1]), [MAX_MICROS / 2n, MAX_MICROS / 2n]],
  ])('%s', (_name, micros, shares, parts) => {
    expect(splitByCredits(micros, shares)).toEqual(parts);
  });

  it('sums exactly for every model, 1 to 50 clicks and money of either sign, whatever the order', () => {
    const anyClicks = fc.uniqueArray(fc.integer({ min: 1, max: 1_000_000_000 }), {
      minLength: 1,
      maxLength: 50,
    });
    const anyMicros = fc.bigInt({ min: -MAX_MICROS, max: MAX_MICROS });
    fc.assert(
      fc.property(anyClicks, fc.constantFrom(...ATTRIBUTION_MODELS), anyMicros, (clicks, model, micros) => {
        const touches = clicks.map((clickedAt) => ({
          clickId: `c-${clickedAt % 97}-${clickedAt}`,
          partnerId: null,
          clickedAt,
        }));
        const shares = creditsOf(touches, model, 1_000_000_000, 604_800_000);
        const parts = splitByCredits(micros, shares);
        expect(parts.reduce((sum, part) => sum + part, 0n)).toBe(micros);
        expect(splitByCredits(-micros, shares)).toEqual(parts.map((part) => -part));
        expect(splitByCredits(micros, shares.toReversed())).toEqual(parts.toReversed());
        for (const [index, { numerator, denominator }] of shares.entries()) {
          const off = (parts[index] ?? 0n) * BigInt(denominator) - micros * BigInt(numerator);
          expect((off < 0n ? -off : off) < BigInt(denominator)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});
