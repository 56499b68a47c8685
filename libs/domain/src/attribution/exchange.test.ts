/** Exchange rates are read exactly or not at all. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseExchangeRate } from './exchange.ts';

it.each([
  ['1', 1n, 1n],
  ['0.92', 92n, 100n],
  ['0.0000613', 613n, 10_000_000n],
  ['0.000000000001', 1n, 1_000_000_000_000n],
  ['123456789012.000000000001', 123_456_789_012_000_000_000_001n, 1_000_000_000_000n],
])('reads %s', (text, numerator, denominator) => {
  expect(parseExchangeRate(text)).toEqual({ numerator, denominator });
});

it.each([
  '',
  '0',
  '0.000',
  '-1',
  '+1',
  '.5',
  '1.',
  '1,5',
  '1e3',
  ' 1',
  '1\n',
  '1234567890123',
  '0.1234567890123',
  'NaN',
])('refuses %j', (text) => {
  expect(parseExchangeRate(text)).toBeNull();
});

it('is the very number of the text', () => {
  const anyUnits = fc.bigInt({ min: 0n, max: 999_999_999_999n });
  fc.assert(
    fc.property(anyUnits, fc.stringMatching(/^\d{1,12}$/), (units, fraction) => {
      fc.pre(units > 0n || /[1-9]/.test(fraction));
      const rate = parseExchangeRate(`${units}.${fraction}`);
      expect(rate && rate.numerator / rate.denominator).toBe(units);
      expect(rate && (rate.numerator % rate.denominator).toString().padStart(fraction.length, '0')).toBe(
        fraction,
      );
    }),
  );
});
