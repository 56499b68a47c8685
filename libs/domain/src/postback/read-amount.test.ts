/** Amounts as senders write them: exact or refused, whatever the grouping. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatUnits } from '../money.ts';
import { processorMs } from '../processor-time.fixture.ts';
import { readAmount } from './read-amount.ts';
import { AMOUNT_FORMATS, type AmountFormat } from './source-profile.ts';

const NBSP = '\u00a0';
const NARROW = '\u202f';

function unitsOf(text: string, format: AmountFormat, takesMarks = false): string | null {
  const read = readAmount(text, format, takesMarks);
  return read.ok ? formatUnits(read.micros) : null;
}

describe('an amount', () => {
  it.each<[AmountFormat, string, string]>([
    ['point', '1234.56', '1234.56'],
    ['point', '.5', '0.5'],
    ['point_grouped', '1,234.56', '1234.56'],
    ['point_grouped', '1,234', '1234'],
    ['point_grouped', '1 234 567.8', '1234567.8'],
    ['point_grouped', `1${NBSP}234.5`, '1234.5'],
    ['point_grouped', `1${NARROW}234`, '1234'],
    ['point_grouped', "1'234.56", '1234.56'],
    ['point_grouped', '1\u2019234.56', '1234.56'],
    ['point_grouped', '1234.56', '1234.56'],
    ['point_grouped', '-1,234.5', '-1234.5'],
    ['point_grouped', '\u22121,234', '-1234'],
    ['comma', '1.234,56', '1234.56'],
    ['comma', '12,5', '12.5'],
    ['comma', '1 234,56', '1234.56'],
    ['comma', '1.234', '1234'],
    ['comma', '1.234.567', '1234567'],
    ['comma', '1234', '1234'],
    ['comma', ',5', '0.5'],
    ['comma', '-0,000001', '-0.000001'],
    ['comma', '9.007.199.254.740,993', '9007199254740.993'],
  ])('%s: %s is %s', (format, text, units) => {
    expect(unitsOf(text, format)).toBe(units);
  });

  it.each<[AmountFormat, string]>([
    ['point', '1,234.56'],
    ['point', '12,5'],
    ['point', '1 234'],
    ['point', '$5'],
    ['point', '1e400'],
    ['point', '9007199254740993.01'],
    ['point', '1.1234567'],
    ['point_grouped', '12,5'],
    ['point_grouped', '0,123'],
    ['point_grouped', '1,23.4'],
    ['point_grouped', '1234,567'],
    ['point_grouped', '1,234 567'],
    ['point_grouped', '1,,234'],
    ['point_grouped', ',123'],
    ['point_grouped', '1.234.567'],
    ['point_grouped', '1,234.5,6'],
    ['point_grouped', '12.'],
    ['comma', '12.5'],
    ['comma', '1234.56'],
    ['comma', '1,234.56'],
    ['comma', '0.123'],
    ['comma', '1,2,3'],
    ['comma', '1,1234567'],
    ['comma', '5 €'],
    ['comma', ''],
    ['comma', '-'],
    ['comma', '٣,٥'],
  ])('%s refuses %s', (format, text) => {
    expect(unitsOf(text, format)).toBeNull();
  });

  it.each<[AmountFormat, string, string, string[]]>([
    ['point', '$12.50', '12.5', ['$']],
    ['point', '-$12.50', '-12.5', ['$']],
    ['point', '$-12.50', '-12.5', ['$']],
    ['point', '- $ 12.50', '-12.5', ['$']],
    ['point', 'USD 12.50', '12.5', ['USD']],
    ['point', '12.50USD', '12.5', ['USD']],
    ['point', 'US$12.50 USD', '12.5', ['US$', 'USD']],
    ['point', '$.50', '0.5', ['$']],
    ['point', 'Rs.50', '50', ['Rs.']],
    ['point', 'Rs. 50.25', '50.25', ['Rs.']],
    ['comma', '12,50 €', '12.5', ['€']],
    ['comma', `1.234,50${NBSP}руб.`, '1234.5', ['руб.']],
    ['comma', 'R$ 1.234,50', '1234.5', ['R$']],
    ['comma', '12,5', '12.5', []],
  ])('%s with its currency: %s', (format, text, units, marks) => {
    expect(readAmount(text, format, true)).toMatchObject({ ok: true, marks });
    expect(unitsOf(text, format, true)).toBe(units);
  });

  it.each(['12.50-', '12.50 (EUR)', '1e400', '0x10', '$', 'free', '12.50 / 2', '12.50\u0000'])(
    'refuses %j also where it may carry one',
    (text) => {
      expect(unitsOf(text, 'point', true)).toBeNull();
    },
  );

  it('comes back from every format as it was, to the last digit', () => {
    const micros = fc.bigInt({ min: -9_200_000_000_000_000_000n, max: 9_200_000_000_000_000_000n });
    const marked = fc.constantFrom('', '€', 'EUR ');
    fc.assert(
      fc.property(micros, fc.constantFrom(' ', NBSP, NARROW, "'"), marked, (amount, blank, mark) => {
        const [units = '', fraction] = formatUnits(amount).replace('-', '').split('.');
        const grouped = (sign: string) => units.replace(/\B(?=(\d{3})+$)/g, sign);
        const sign = amount < 0n ? '-' : '';
        const written = (group: string, decimal: string) =>
          `${sign}${mark}${grouped(group)}${fraction === undefined ? '' : `${decimal}${fraction}`}`;
        for (const [format, text] of [
          ['point_grouped', written(',', '.')],
          ['point_grouped', written(blank, '.')],
          ['comma', written('.', ',')],
          ['comma', written(blank, ',')],
          ['point', written('', '.')],
        ] as const)
          expect(readAmount(text, format, true)).toMatchObject({ ok: true, micros: amount });
      }),
    );
  });

  it('never crashes', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('1', '0', ',', '.', ' ', '-', '$', 'e', "'") }),
    );
    fc.assert(
      fc.property(text, fc.constantFrom(...AMOUNT_FORMATS), fc.boolean(), (sent, format, takesMarks) => {
        expect(typeof readAmount(sent, format, takesMarks).ok).toBe('boolean');
      }),
    );
  });

  it('refuses a megabyte at once', () => {
    const texts = ['1'.repeat(1e6), '1,'.repeat(5e5), ' '.repeat(1e6), '$'.repeat(1e6)];
    const taken = processorMs(() => {
      for (const text of texts)
        for (const format of AMOUNT_FORMATS) expect(unitsOf(text, format, true)).toBeNull();
    });
    expect(taken).toBeLessThan(500);
  });
});
