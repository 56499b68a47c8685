/** Money as integer micro-units with an ISO 4217 currency; no floats anywhere. */
import { CURRENCY_EXPONENTS, isCurrencyCode } from './currency.ts';

export { CURRENCY_EXPONENTS, type CurrencyCode, isCurrencyCode } from './currency.ts';

export interface Money {
  /** Millionths of one unit of the currency. */
  readonly micros: bigint;
  /** ISO 4217, upper case. */
  readonly currency: string;
}

/** Money from the two columns that events keep it in; null where either is. */
export function moneyOf(micros: bigint | null, currency: string | null): Money | null {
  return micros === null || currency === null ? null : { micros, currency };
}

export const MICROS_PER_UNIT = 1_000_000n;
const MICRO_DIGITS = 6;

/**
 * The largest amount, either side of zero: 9.2e12 units.
 * It is the round figure below 2^63 − 1 micro-units, the end of Avro's `long` and ClickHouse's Int64.
 */
export const MAX_MICROS = 9_200_000_000_000n * MICROS_PER_UNIT;

const MAX_UNIT_DIGITS = 13;

/** Why a text is not an amount; the closed list of what {@link parseDecimalToMicros} answers. */
export const DECIMAL_PROBLEMS = [
  'empty',
  'not_a_decimal',
  'exponent_form',
  'too_many_fraction_digits',
  'out_of_bounds',
] as const;
export type DecimalProblem = (typeof DECIMAL_PROBLEMS)[number];

export type ParsedMicros =
  | { readonly ok: true; readonly micros: bigint }
  | { readonly ok: false; readonly problem: DecimalProblem };

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d+))?$/;
const EXPONENT_FORM = /^[+-]?(?:\d+\.?\d*|\.\d+)[eE][+-]?\d+$/;

/**
 * Reads a decimal such as `12.345678`, `-0.5` or `.5` exactly, as millionths.
 *
 * The decimal sign is a point; spaces, grouping signs, `NaN`, `Infinity`, hexadecimal and exponents are refused. More
 * than six fractional digits are refused even when they are zeros: rounding is never the reader's business.
 */
export function parseDecimalToMicros(text: string): ParsedMicros {
  if (text === '') return { ok: false, problem: 'empty' };
  const match = DECIMAL.exec(text);
  const [, sign = '', units = '', fraction = ''] = match ?? [];
  if (match === null || (units === '' && fraction === '')) {
    return { ok: false, problem: EXPONENT_FORM.test(text) ? 'exponent_form' : 'not_a_decimal' };
  }
  if (fraction.length > MICRO_DIGITS) return { ok: false, problem: 'too_many_fraction_digits' };
  const significantUnits = units.replace(/^0+/, '');
  // Checked on the text: BigInt of a megabyte of digits would cost seconds before the comparison.
  if (significantUnits.length > MAX_UNIT_DIGITS) return { ok: false, problem: 'out_of_bounds' };
  const size = BigInt(significantUnits + fraction.padEnd(MICRO_DIGITS, '0'));
  if (size > MAX_MICROS) return { ok: false, problem: 'out_of_bounds' };
  return { ok: true, micros: sign === '-' ? -size : size };
}

/**
 * How many decimals the currency's minor unit has: JPY 0, USD 2, KWD 3.
 * Throws a RangeError for a code outside the list: money is checked at the edge, so here it is a defect.
 */
export function currencyExponent(currency: string): number {
  if (!isCurrencyCode(currency)) throw new RangeError(`not an ISO 4217 currency: ${currency}`);
  return CURRENCY_EXPONENTS[currency];
}

/** The shortest exact decimal of an amount in units: 12_340_000n → `12.34`, 12_000_000n → `12`, -500_000n → `-0.5`. */
export function formatUnits(micros: bigint): string {
  const full = formatDecimals(micros, MICRO_DIGITS);
  return full.replace(/\.?0+$/, '');
}

/**
 * The decimal of an amount in units with exactly `decimals` (0 to 6) fractional digits, rounded half-even.
 * What rounds to zero has no sign.
 */
export function formatDecimals(micros: bigint, decimals: number): string {
  if (!Number.isInteger(decimals) || decimals < 0 || decimals > MICRO_DIGITS) {
    throw new RangeError(`decimals must be an integer from 0 to ${MICRO_DIGITS}, got ${decimals}`);
  }
  const scaled = divideHalfEven(micros, powerOfTen(MICRO_DIGITS - decimals));
  const digits = absolute(scaled)
    .toString()
    .padStart(decimals + 1, '0');
  const sign = scaled < 0n ? '-' : '';
  if (decimals === 0) return sign + digits;
  return `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** The amount with its currency's own decimals, rounded half-even: USD `12.30`, JPY `12`, KWD `12.300`. */
export function formatInCurrency(money: Money): string {
  return formatDecimals(money.micros, currencyExponent(money.currency));
}

/** The amount in the currency's minor unit (cents), rounded half-even: 12.34 USD → 1234n, 500 JPY → 500n. */
export function toMinorUnits(money: Money): bigint {
  return divideHalfEven(money.micros, powerOfTen(MICRO_DIGITS - currencyExponent(money.currency)));
}

/**
 * `micros × numerator ÷ denominator`, rounded half-even once, at the end; a percentage is a fraction over 100.
 * Throws a RangeError when the denominator is zero.
 */
export function multiplyByFraction(micros: bigint, numerator: bigint, denominator: bigint): bigint {
  return divideHalfEven(micros * numerator, denominator);
}

/** The quotient rounded to the nearest integer, a tie to the even one; throws a RangeError when the divisor is zero. */
export function divideHalfEven(dividend: bigint, divisor: bigint): bigint {
  const isNegative = dividend < 0n !== divisor < 0n;
  const size = absolute(divisor);
  const floor = absolute(dividend) / size;
  const twiceRest = (absolute(dividend) % size) * 2n;
  const roundsUp = twiceRest > size || (twiceRest === size && floor % 2n === 1n);
  const rounded = roundsUp ? floor + 1n : floor;
  return isNegative ? -rounded : rounded;
}

/**
 * Splits a total into whole parts in proportion to the shares so that the parts sum to the total exactly.
 *
 * Largest remainder: each part is first cut down to an integer, then the units left over go one each to the parts with
 * the largest remainders, ties to the lower index; callers order the shares (by clickId) to make ties deterministic. A
 * negative total is split like its absolute value and negated, so that a refund takes back exactly what was given.
 *
 * Throws a RangeError when a share is negative or when all are zero: then no split is right.
 */
export function splitByLargestRemainder(total: bigint, shares: readonly bigint[]): bigint[] {
  if (shares.some((share) => share < 0n)) throw new RangeError('a share cannot be negative');
  const sum = shares.reduce((all, share) => all + share, 0n);
  if (sum === 0n) throw new RangeError('at least one share must be positive');
  const size = absolute(total);
  const cut = shares.map((share, index) => ({
    index,
    part: (size * share) / sum,
    remainder: (size * share) % sum,
  }));
  const leftOver = Number(size - cut.reduce((all, { part }) => all + part, 0n));
  // A stable sort keeps the index order among equal remainders.
  const favoured = cut.toSorted((a, b) => compare(b.remainder, a.remainder)).slice(0, leftOver);
  const favouredIndices = new Set(favoured.map(({ index }) => index));
  return cut.map(({ index, part }) => {
    const share = favouredIndices.has(index) ? part + 1n : part;
    return total < 0n ? -share : share;
  });
}

function absolute(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function compare(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function powerOfTen(exponent: number): bigint {
  return 10n ** BigInt(exponent);
}
