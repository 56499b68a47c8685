/** Symbols and words that stand for a currency, and what each of them can mean. */
import { isCurrencyCode } from '../currency.ts';

/**
 * What a mark means by the usage of the places that write it (Unicode CLDR, currency symbols of the locales): one currency,
 * or several, of which the first is meant where `isFirstMeant` says that nobody doubts it.
 */
interface Mark {
  readonly currencies: readonly string[];
  readonly isFirstMeant: boolean;
}

const one = (currency: string): Mark => ({ currencies: [currency], isFirstMeant: true });
const shared = (...currencies: readonly string[]): Mark => ({ currencies, isFirstMeant: false });

/** By the mark in lower case, without a point at its end. */
const STANDARD_MARKS: ReadonlyMap<string, Mark> = new Map([
  ['€', one('EUR')],
  ['₽', one('RUB')],
  ['руб', one('RUB')],
  ['₴', one('UAH')],
  ['грн', one('UAH')],
  ['zł', one('PLN')],
  ['kč', one('CZK')],
  ['ft', one('HUF')],
  ['лв', one('BGN')],
  ['₹', one('INR')],
  ['₺', one('TRY')],
  ['₸', one('KZT')],
  ['₩', one('KRW')],
  ['₪', one('ILS')],
  ['₫', one('VND')],
  ['₦', one('NGN')],
  ['₱', one('PHP')],
  ['฿', one('THB')],
  ['₾', one('GEL')],
  ['₼', one('AZN')],
  ['֏', one('AMD')],
  ['₡', one('CRC')],
  ['₲', one('PYG')],
  ['₵', one('GHS')],
  ['r$', one('BRL')],
  ['us$', one('USD')],
  ['c$', one('CAD')],
  ['ca$', one('CAD')],
  ['a$', one('AUD')],
  ['au$', one('AUD')],
  ['nz$', one('NZD')],
  ['s$', one('SGD')],
  ['hk$', one('HKD')],
  ['nt$', one('TWD')],
  ['mx$', one('MXN')],
  ['cn¥', one('CNY')],
  ['元', one('CNY')],
  ['円', one('JPY')],
  ['£', { currencies: ['GBP', 'EGP', 'FKP', 'GIP', 'LBP', 'SHP', 'SDG', 'SSP', 'SYP'], isFirstMeant: true }],
  ['¥', shared('JPY', 'CNY')],
  ['￥', shared('JPY', 'CNY')],
  ['kr', shared('SEK', 'NOK', 'DKK', 'ISK')],
  ['rs', shared('INR', 'PKR', 'LKR', 'NPR', 'MUR', 'SCR')],
  [
    '$',
    shared(
      ...[
        'USD',
        'CAD',
        'AUD',
        'NZD',
        'SGD',
        'HKD',
        'TWD',
        'MXN',
        'ARS',
        'CLP',
        'COP',
        'UYU',
        'DOP',
        'BBD',
        'BMD',
      ],
      ...[
        'BND',
        'BSD',
        'BZD',
        'CUP',
        'CVE',
        'FJD',
        'GYD',
        'JMD',
        'KYD',
        'LRD',
        'MOP',
        'NAD',
        'SBD',
        'SRD',
        'TTD',
      ],
      ...['XCD'],
    ),
  ],
]);

/** What the profile says of its marks, by the mark in lower case. */
export type MarkMapping = ReadonlyMap<string, string>;

export function markMapping(currencies: Readonly<Record<string, string>>): MarkMapping {
  return new Map(Object.entries(currencies).map(([mark, currency]) => [keyOf(mark), currency]));
}

/**
 * The currencies that a symbol, word or ISO code can mean, the profile's own meaning first; empty where nobody knows it. The
 * list has one entry where the meaning is certain. A shared mark means the default currency if that is one of them.
 */
export function currenciesOfMark(
  mark: string,
  mapping: MarkMapping,
  defaultCurrency: string | null,
): readonly string[] {
  const key = keyOf(mark);
  const mapped = mapping.get(key);
  if (mapped !== undefined) return [mapped];
  const code = mark.toUpperCase();
  if (isCurrencyCode(code)) return [code];
  const known = STANDARD_MARKS.get(key);
  if (known === undefined) return [];
  if (defaultCurrency !== null && known.currencies.includes(defaultCurrency)) return [defaultCurrency];
  return known.isFirstMeant ? known.currencies.slice(0, 1) : known.currencies;
}

function keyOf(mark: string): string {
  return mark.trim().replace(/\.$/, '').toLowerCase();
}
