/** Money: exact reading and writing of decimals, half-even rounding, and splits that lose nothing. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CURRENCY_EXPONENTS,
  currencyExponent,
  divideHalfEven,
  formatDecimals,
  formatInCurrency,
  formatUnits,
  isCurrencyCode,
  MAX_MICROS,
  multiplyByFraction,
  parseDecimalToMicros,
  splitByLargestRemainder,
  toMinorUnits,
} from './money.ts';

const anyMicros = fc.bigInt({ min: -MAX_MICROS, max: MAX_MICROS });

describe('parseDecimalToMicros', () => {
  it.each([
    ['12.345678', 12_345_678n],
    ['12', 12_000_000n],
    ['0', 0n],
    ['-0', 0n],
    ['0.000001', 1n],
    ['-0.000001', -1n],
    ['+3.5', 3_500_000n],
    ['.5', 500_000n],
    ['-.5', -500_000n],
    ['007.10', 7_100_000n],
    ['0000000000000000000000000000001', 1_000_000n],
    ['9007199254.740993', 9_007_199_254_740_993n],
    ['9200000000000', MAX_MICROS],
    ['9200000000000.000000', MAX_MICROS],
    ['-9200000000000', -MAX_MICROS],
  ])('reads %s exactly', (text, micros) => {
    expect(parseDecimalToMicros(text)).toEqual({ ok: true, micros });
  });

  it.each([
    ['', 'empty'],
    [' ', 'not_a_decimal'],
    [' 1', 'not_a_decimal'],
    ['1 ', 'not_a_decimal'],
    ['1\n', 'not_a_decimal'],
    ['.', 'not_a_decimal'],
    ['-', 'not_a_decimal'],
    ['5.', 'not_a_decimal'],
    ['1,5', 'not_a_decimal'],
    ['1,000.00', 'not_a_decimal'],
    ['1_000', 'not_a_decimal'],
    ['--1', 'not_a_decimal'],
    ['1.2.3', 'not_a_decimal'],
    ['0x10', 'not_a_decimal'],
    ['NaN', 'not_a_decimal'],
    ['Infinity', 'not_a_decimal'],
    ['-Infinity', 'not_a_decimal'],
    ['$12', 'not_a_decimal'],
    ['١٢', 'not_a_decimal'],
    ['e5', 'not_a_decimal'],
    ['1e3', 'exponent_form'],
    ['1E400', 'exponent_form'],
    ['-1.5e-3', 'exponent_form'],
    ['1.e2', 'exponent_form'],
    ['.5e2', 'exponent_form'],
    ['0.0000001', 'too_many_fraction_digits'],
    ['1.0000000', 'too_many_fraction_digits'],
    ['9200000000000.000001', 'out_of_bounds'],
    ['-9200000000000.000001', 'out_of_bounds'],
    ['9200000000001', 'out_of_bounds'],
    ['10000000000000', 'out_of_bounds'],
    ['9'.repeat(100_000), 'out_of_bounds'],
  ])('refuses %j as %s', (text, problem) => {
    expect(parseDecimalToMicros(text)).toEqual({ ok: false, problem });
  });

  it('reads back whatever formatUnits and formatDecimals wrote', () => {
    fc.assert(
      fc.property(anyMicros, (micros) => {
        expect(parseDecimalToMicros(formatUnits(micros))).toEqual({ ok: true, micros });
        expect(parseDecimalToMicros(formatDecimals(micros, 6))).toEqual({ ok: true, micros });
      }),
    );
  });

  it('answers a value for any text, and never one out of bounds', () => {
    const decimalLike = fc.stringMatching(/^[+-]?\d{0,16}(\.\d{0,8})?([eE]\d)?$/);
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), decimalLike), (text) => {
        const parsed = parseDecimalToMicros(text);
        if (parsed.ok) expect(parsed.micros <= MAX_MICROS && parsed.micros >= -MAX_MICROS).toBe(true);
      }),
    );
  });
});

describe('currencies', () => {
  it.each([
    ['JPY', 0],
    ['KRW', 0],
    ['CLP', 0],
    ['USD', 2],
    ['EUR', 2],
    ['KWD', 3],
    ['TND', 3],
    ['CLF', 4],
  ])('%s has %i decimals', (code, exponent) => {
    expect(isCurrencyCode(code)).toBe(true);
    expect(currencyExponent(code)).toBe(exponent);
  });

  it.each(['', 'usd', 'US', 'USDT', 'XDR', 'XTS', 'XAU', 'BTC', 'constructor', '__proto__'])(
    'does not take %j for a currency',
    (text) => {
      expect(isCurrencyCode(text)).toBe(false);
      expect(() => currencyExponent(text)).toThrow(RangeError);
    },
  );

  it('lists upper-case codes in order, none with more decimals than a micro-unit has', () => {
    const codes = Object.keys(CURRENCY_EXPONENTS);
    expect(codes).toEqual(codes.toSorted());
    expect(codes.every((code) => /^[A-Z]{3}$/.test(code))).toBe(true);
    expect(Object.values(CURRENCY_EXPONENTS).every((exponent) => exponent <= 6)).toBe(true);
  });
});

describe('writing', () => {
  it.each([
    [12_340_000n, '12.34'],
    [12_000_000n, '12'],
    [100_000_000n, '100'],
    [0n, '0'],
    [1n, '0.000001'],
    [-1n, '-0.000001'],
    [-500_000n, '-0.5'],
    [MAX_MICROS, '9200000000000'],
    [9_007_199_254_740_993n, '9007199254.740993'],
  ])('formatUnits(%i) is %s', (micros, text) => {
    expect(formatUnits(micros)).toBe(text);
  });

  it.each([
    [12_345_000n, 2, '12.34'],
    [12_355_000n, 2, '12.36'],
    [-12_345_000n, 2, '-12.34'],
    [12_345_001n, 2, '12.35'],
    [4_999n, 2, '0.00'],
    [-4_999n, 2, '0.00'],
    [5_000n, 2, '0.00'],
    [15_000n, 2, '0.02'],
    [500_000n, 0, '0'],
    [1_500_000n, 0, '2'],
    [1n, 6, '0.000001'],
    [12_000_000n, 3, '12.000'],
  ])('formatDecimals(%i, %i) is %s', (micros, decimals, text) => {
    expect(formatDecimals(micros, decimals)).toBe(text);
  });

  it.each([-1, 7, 1.5, Number.NaN])('formatDecimals refuses %d decimals', (decimals) => {
    expect(() => formatDecimals(1n, decimals)).toThrow(RangeError);
  });

  it.each([
    [{ micros: 12_300_000n, currency: 'USD' }, '12.30', 1_230n],
    [{ micros: 12_345_678n, currency: 'USD' }, '12.35', 1_235n],
    [{ micros: 12_345_000n, currency: 'USD' }, '12.34', 1_234n],
    [{ micros: -12_345_678n, currency: 'USD' }, '-12.35', -1_235n],
    [{ micros: 500_000_000n, currency: 'JPY' }, '500', 500n],
    [{ micros: 12_345_678n, currency: 'KWD' }, '12.346', 12_346n],
    [{ micros: 12_345_678n, currency: 'CLF' }, '12.3457', 123_457n],
  ])('%o is %s, or %i in minor units', (money, text, minor) => {
    expect(formatInCurrency(money)).toBe(text);
    expect(toMinorUnits(money)).toBe(minor);
  });
});

describe('multiplyByFraction', () => {
  it.each([
    [10_000_000n, 15n, 100n, 1_500_000n],
    [1n, 1n, 2n, 0n],
    [3n, 1n, 2n, 2n],
    [5n, 1n, 2n, 2n],
    [-1n, 1n, 2n, 0n],
    [-3n, 1n, 2n, -2n],
    [3n, -1n, 2n, -2n],
    [3n, 1n, -2n, -2n],
    [-3n, 1n, -2n, 2n],
    [2n, 1n, 3n, 1n],
    [1n, 1n, 3n, 0n],
    [MAX_MICROS, 999_999n, 1_000_000n, 9_199_990_800_000_000_000n],
  ])('%i × %i / %i = %i', (micros, numerator, denominator, result) => {
    expect(multiplyByFraction(micros, numerator, denominator)).toBe(result);
  });

  it('refuses a denominator of zero', () => {
    expect(() => multiplyByFraction(1n, 1n, 0n)).toThrow(RangeError);
  });

  it('is never further than half a micro-unit from the exact product, and even where it is a tie', () => {
    const factor = fc.bigInt({ min: -1_000_000n, max: 1_000_000n });
    const nonZero = factor.filter((value) => value !== 0n);
    fc.assert(
      fc.property(anyMicros, factor, nonZero, (micros, numerator, denominator) => {
        const result = divideHalfEven(micros * numerator, denominator);
        const twiceError = 2n * (micros * numerator - result * denominator);
        const limit = denominator < 0n ? -denominator : denominator;
        const size = twiceError < 0n ? -twiceError : twiceError;
        expect(size <= limit).toBe(true);
        if (size === limit) expect(result % 2n).toBe(0n);
      }),
    );
  });
});

describe('splitByLargestRemainder', () => {
  it.each([
    [100n, [1n, 1n, 1n], [34n, 33n, 33n]],
    [101n, [1n, 1n, 1n], [34n, 34n, 33n]],
    [-100n, [1n, 1n, 1n], [-34n, -33n, -33n]],
    [10n, [1n, 2n, 3n], [2n, 3n, 5n]],
    [5n, [4n, 2n, 4n], [2n, 1n, 2n]],
    [1n, [1n, 1n], [1n, 0n]],
    [7n, [0n, 1n, 0n], [0n, 7n, 0n]],
    [0n, [3n, 4n], [0n, 0n]],
    [9n, [5n], [9n]],
  ])('%i by %o is %o', (total, shares, parts) => {
    expect(splitByLargestRemainder(total, shares)).toEqual(parts);
  });

  it.each([[[]], [[0n]], [[0n, 0n]], [[2n, -1n]]])('refuses the shares %o', (shares) => {
    expect(() => splitByLargestRemainder(10n, shares)).toThrow(RangeError);
  });

  it('sums to the total, keeps each part within one micro-unit of its share, and mirrors for refunds', () => {
    const shares = fc
      .array(fc.bigInt({ min: 0n, max: 10n ** 12n }), { minLength: 1, maxLength: 20 })
      .filter((list) => list.some((share) => share > 0n));
    fc.assert(
      fc.property(anyMicros, shares, (total, weights) => {
        const parts = splitByLargestRemainder(total, weights);
        const sum = weights.reduce((all, share) => all + share, 0n);
        expect(parts.reduce((all, part) => all + part, 0n)).toBe(total);
        for (const [index, part] of parts.entries()) {
          const error = part * sum - total * (weights[index] ?? 0n);
          expect(error < sum && error > -sum).toBe(true);
        }
        expect(splitByLargestRemainder(-total, weights)).toEqual(
          parts.map((part) => (part === 0n ? 0n : -part)),
        );
      }),
    );
  });
});
