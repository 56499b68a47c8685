/** The five models: shares that sum exactly, in every order of the clicks, and the powers of two that time decay lives on. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Credit, creditsOf, decayWeight, type Touch } from './models.ts';
import { ATTRIBUTION_MODELS, type AttributionModel, STANDARD_HALF_LIFE_MS } from './terms.ts';

const OCCURRED_AT = 1_800_000_000_000;
const DAY_MS = 86_400_000;
const WEEK_MS = STANDARD_HALF_LIFE_MS;

const touch = (clickId: string, daysBefore: number, partnerId: string | null = null): Touch => ({
  clickId,
  partnerId,
  clickedAt: OCCURRED_AT - daysBefore * DAY_MS,
});

function shares(touches: readonly Touch[], model: AttributionModel, halfLifeMs = WEEK_MS): string[] {
  return creditsOf(touches, model, OCCURRED_AT, halfLifeMs).map(
    ({ clickId, numerator, denominator }) => `${clickId} ${numerator}/${denominator}`,
  );
}

const anyModel = fc.constantFrom(...ATTRIBUTION_MODELS);
const anyTouches = fc
  .uniqueArray(fc.integer({ min: 0, max: 10_000 }), { minLength: 1, maxLength: 50 })
  .chain((ids) =>
    fc.tuple(
      ...ids.map((id) =>
        fc.record<Touch>({
          clickId: fc.constant(`c-${id}`),
          partnerId: fc.constantFrom(null, 'p-1', 'p-2'),
          // Few instants, so that clicks of one millisecond come up; some after the conversion, as clocks differ.
          clickedAt: fc.oneof(
            fc.constantFrom(OCCURRED_AT, OCCURRED_AT + 30_000, OCCURRED_AT - DAY_MS),
            fc.integer({ min: OCCURRED_AT - 366 * DAY_MS, max: OCCURRED_AT + 60_000 }),
          ),
        }),
      ),
    ),
  );
const anyHalfLife = fc.oneof(fc.constantFrom(1, 1_000, WEEK_MS), fc.integer({ min: 1, max: 366 * DAY_MS }));

describe('shares', () => {
  const three = [touch('a', 14), touch('b', 7), touch('c', 0)];

  it.each<[AttributionModel, string[]]>([
    ['last_click', ['c 1/1']],
    ['first_click', ['a 1/1']],
    ['linear', ['a 1/3', 'b 1/3', 'c 1/3']],
    ['position_based', ['a 2/5', 'b 1/5', 'c 2/5']],
    // 1/4, 1/2 and 1 of 7/4; the one millionth left over goes to the largest remainder.
    ['time_decay', ['a 142857/1000000', 'b 285714/1000000', 'c 571429/1000000']],
  ])('%s', (model, expected) => {
    expect(shares(three, model)).toEqual(expected);
    expect(shares([touch('only', 3)], model)).toEqual(['only 1/1']);
    expect(shares([], model)).toEqual([]);
  });

  it('by position: two share equally, more than three share the fifth in the middle', () => {
    expect(shares([touch('a', 2), touch('b', 1)], 'position_based')).toEqual(['a 1/2', 'b 1/2']);
    expect(shares([touch('a', 5), touch('b', 4), touch('c', 3), touch('d', 2)], 'position_based')).toEqual([
      'a 4/10',
      'b 1/10',
      'c 1/10',
      'd 4/10',
    ]);
  });

  it.each<[AttributionModel, string[]]>([
    ['last_click', ['b 1/1']],
    ['first_click', ['a 1/1']],
    ['time_decay', ['a 500000/1000000', 'b 500000/1000000']],
  ])('%s of two clicks in one millisecond: the smaller id is the earlier one', (model, expected) => {
    expect(shares([touch('b', 1), touch('a', 1)], model)).toEqual(expected);
  });

  it('by decay: what is left over goes to the larger remainder, of equal ones to the smaller id', () => {
    expect(shares([touch('z', 1), touch('y', 1), touch('x', 1)], 'time_decay')).toEqual([
      'x 333334/1000000',
      'y 333333/1000000',
      'z 333333/1000000',
    ]);
  });

  it('by decay: a click too old for a millionth gets none and is not listed', () => {
    expect(shares([touch('old', 366), touch('new', 0)], 'time_decay', 3_600_000)).toEqual([
      'new 1000000/1000000',
    ]);
  });

  it('by decay: clicks that are all very old still share', () => {
    expect(shares([touch('a', 366), touch('b', 366)], 'time_decay', 1)).toEqual([
      'a 500000/1000000',
      'b 500000/1000000',
    ]);
  });

  it('by decay: a click after the conversion is as young as one at its instant', () => {
    const [after, at] = [OCCURRED_AT + 60_000, OCCURRED_AT].map((clickedAt) =>
      creditsOf([{ ...touch('a', 0), clickedAt }, touch('b', 7)], 'time_decay', OCCURRED_AT, WEEK_MS),
    );
    expect(after?.map(({ numerator }) => numerator).toSorted()).toEqual([333_333, 666_667]);
    expect(after?.toSorted(byId)).toEqual(at?.toSorted(byId));
  });

  it('keep the partner of each click', () => {
    expect(
      creditsOf([touch('a', 1, 'p-1'), touch('b', 0)], 'linear', OCCURRED_AT, WEEK_MS).map(
        ({ partnerId }) => partnerId,
      ),
    ).toEqual(['p-1', null]);
  });

  it('sum to one exactly, none is negative, whatever the order of 1 to 50 clicks', () => {
    fc.assert(
      fc.property(anyTouches, anyModel, anyHalfLife, fc.nat(), (touches, model, halfLifeMs, turn) => {
        const credits = creditsOf(touches, model, OCCURRED_AT, halfLifeMs);
        const [first] = credits;
        expect(credits.every(({ numerator }) => Number.isInteger(numerator) && numerator > 0)).toBe(true);
        expect(new Set(credits.map(({ denominator }) => denominator)).size).toBe(1);
        expect(credits.reduce((sum, { numerator }) => sum + numerator, 0)).toBe(first?.denominator);
        const turned = [...touches.slice(turn % touches.length), ...touches.slice(0, turn % touches.length)];
        expect(creditsOf(turned.toReversed(), model, OCCURRED_AT, halfLifeMs)).toEqual(credits);
      }),
      { numRuns: 500 },
    );
  });

  it('by decay: a younger click never gets less than an older one, but for the millionth of a tie', () => {
    fc.assert(
      fc.property(anyTouches, anyHalfLife, (touches, halfLifeMs) => {
        const credits = creditsOf(touches, 'time_decay', OCCURRED_AT, halfLifeMs);
        for (const [index, { numerator }] of credits.entries())
          expect(numerator - (credits[index + 1]?.numerator ?? numerator)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('the weight of a click', () => {
  const ONE = 2n ** 64n;

  it.each([
    [0, ONE],
    [WEEK_MS, ONE / 2n],
    [2 * WEEK_MS, ONE / 4n],
    [64 * WEEK_MS, 1n],
    [65 * WEEK_MS, 0n],
    [1e15, 0n],
  ])('of age %d ms halves with each half-life', (ageMs, weight) => {
    expect(decayWeight(ageMs, WEEK_MS)).toBe(weight);
  });

  it('of half a half-life is the root of one half, to the last of 64 bits', () => {
    const weight = decayWeight(WEEK_MS / 2, WEEK_MS);
    expect(weight * weight <= ONE * (ONE / 2n)).toBe(true);
    expect((weight + 1n) * (weight + 1n) > ONE * (ONE / 2n)).toBe(true);
  });

  // Reckoned once by another program in another language: a change of a single bit would change decisions that a replay must
  // repeat.
  it.each([
    [1, 604_800_000, 18_446_744_052_870_240_322n],
    [86_400_000, 604_800_000, 16_707_652_637_719_508_338n],
    [1_234_567, 3_600_000, 14_544_068_701_878_366_213n],
    [1_000_000_007, 86_400_000, 6_050_290_532_730_922n],
  ])('of age %d ms at a half-life of %d ms is the same for ever', (ageMs, halfLifeMs, weight) => {
    expect(decayWeight(ageMs, halfLifeMs)).toBe(weight);
  });

  it('is 2^(−age ÷ half-life) to nine digits and never grows with age', () => {
    const anyAge = fc.integer({ min: 0, max: 30 * WEEK_MS });
    fc.assert(
      fc.property(anyAge, fc.integer({ min: DAY_MS, max: 366 * DAY_MS }), (ageMs, halfLifeMs) => {
        const weight = decayWeight(ageMs, halfLifeMs);
        const expected = 2 ** (64 - ageMs / halfLifeMs);
        // The last bit of a weight that is nearly gone is coarse; the floating-point figure is only a witness here.
        if (expected > 2 ** 34) expect(Math.abs(Number(weight) / expected - 1)).toBeLessThan(1e-9);
        expect(decayWeight(ageMs + 1, halfLifeMs) <= weight).toBe(true);
      }),
    );
  });
});

function byId(a: Credit, b: Credit): number {
  return a.clickId < b.clickId ? -1 : 1;
}
