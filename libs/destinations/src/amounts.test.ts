/** Amounts on the wire: every digit that was earned, and no other. */
import { parseDecimalToMicros } from '@tributary/domain';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactUnits, negated, unitsText, valueProblems } from './amounts.ts';
import { jsonText } from './json-text.ts';
import { sampleConversion } from './sample.ts';

describe('exactUnits', () => {
  it.each([
    [12_340_000n, '{"value":12.34}'],
    [100_000n, '{"value":0.1}'],
    [12_000_000n, '{"value":12}'],
    [-500_000n, '{"value":-0.5}'],
    [9_200_000_000_000_000_000n, '{"value":9200000000000}'],
    [9_007_199_254_740_993n, '{"value":9007199254.740993}'],
  ])('writes %i micro-units with all their digits', (micros, text) => {
    expect(jsonText({ value: exactUnits({ micros, currency: 'USD' }) })).toBe(text);
  });
});

describe('unitsText', () => {
  it.each([
    [20_000_000n, 'USD', '20.00'],
    [12_300_000n, 'USD', '12.30'],
    [12_345_678n, 'USD', '12.345678'],
    [500_000_000n, 'JPY', '500'],
    [500_500_000n, 'JPY', '500.5'],
    [1_000_000n, 'KWD', '1.000'],
    [-7_370_000n, 'USD', '-7.37'],
    [0n, 'USD', '0.00'],
  ])('%i of %s is %s', (micros, currency, text) => {
    expect(unitsText({ micros, currency })).toBe(text);
  });

  it('reads back as it was', () => {
    const micros = fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n });
    fc.assert(
      fc.property(micros, fc.constantFrom('USD', 'JPY', 'KWD'), (amount, currency) => {
        expect(parseDecimalToMicros(unitsText({ micros: amount, currency }))).toEqual({
          ok: true,
          micros: amount,
        });
      }),
    );
  });
});

describe('negated', () => {
  it('turns an amount round', () => {
    expect(negated({ micros: -5n, currency: 'EUR' })).toEqual({ micros: 5n, currency: 'EUR' });
  });
});

describe('valueProblems', () => {
  const rule = { valueField: 'value', currencyField: 'currency', requiredFor: ['Purchase'], source: 'x' };

  it.each([
    ['Purchase', {}, []],
    ['Purchase', { revenue: null }, ['value field_missing']],
    ['Lead', { revenue: null }, []],
    ['Lead', { revenue: { micros: 1n, currency: 'XQQ' } }, ['currency value_invalid']],
  ])('%s with %o', (event, changes, expected) => {
    const problems = valueProblems({ conversion: sampleConversion(changes), event }, rule);
    expect(problems.map(({ field, code }) => `${field} ${code}`)).toEqual(expected);
  });
});
