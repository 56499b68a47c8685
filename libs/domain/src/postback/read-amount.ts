/** Reads an amount as a sender writes it, with its grouping, decimal sign and currency, exactly or not at all. */
import { type DecimalProblem, parseDecimalToMicros } from '../money.ts';
import type { AmountFormat } from './source-profile.ts';

/** The longest amount in bounds, grouped, with its decimals and a currency, has half of this. */
const MAX_AMOUNT_LENGTH = 64;

export type ReadAmount =
  | {
      readonly ok: true;
      /** Of the number as it stands, whatever its unit. */
      readonly micros: bigint;
      /** What stood before and behind the number. */
      readonly marks: readonly string[];
    }
  | { readonly ok: false; readonly problem: DecimalProblem | 'too_long' };

/**
 * The number of an amount in millionths. More than six decimals are refused, never rounded.
 * @param takesMarks whether a currency may stand before or behind the number.
 */
export function readAmount(text: string, format: AmountFormat, takesMarks: boolean): ReadAmount {
  if (text.length > MAX_AMOUNT_LENGTH) return { ok: false, problem: 'too_long' };
  const { number, marks } = takesMarks ? withoutMarks(text) : { number: text, marks: [] };
  if (!marks.every(isMark)) return { ok: false, problem: 'not_a_decimal' };
  const decimal = format === 'point' ? number : ungrouped(number, SIGNS[format]);
  if (decimal === null) return { ok: false, problem: 'not_a_decimal' };
  const parsed = parseDecimalToMicros(decimal);
  return parsed.ok ? { ok: true, micros: parsed.micros, marks } : parsed;
}

/** `-$12.50`, `USD 12.50`, `12,50 €`: the number with its sign, and the marks beside it. */
function withoutMarks(text: string): { number: string; marks: string[] } {
  const first = text.search(/\d/);
  if (first < 0) return { number: text, marks: [] };
  let last = text.length - 1;
  while (!isDigit(text, last)) last--;
  const start = startsWithDecimalSign(text, first) ? first - 1 : first;
  const before = text.slice(0, start).trim();
  const sign = /^[+\-\u2212]|[+\-\u2212]$/.exec(before)?.[0] ?? '';
  const mark = before.startsWith(sign) ? before.slice(sign.length) : before.slice(0, -sign.length);
  const marks = [mark.trim(), text.slice(last + 1).trim()].filter((each) => each !== '');
  return { number: `${sign}${text.slice(start, last + 1)}`, marks };
}

function isMark(text: string): boolean {
  return /^[\p{L}\p{Sc}. ]+$/u.test(text);
}

/** `$.50` is half a dollar, but the point of `Rs.50` belongs to the word: the letter before it tells. */
function startsWithDecimalSign(text: string, first: number): boolean {
  const sign = text[first - 1];
  return (sign === '.' || sign === ',') && !/\p{L}/u.test(text[first - 2] ?? '');
}

function isDigit(text: string, at: number): boolean {
  const sign = text[at] ?? '';
  return sign >= '0' && sign <= '9';
}

interface Signs {
  readonly decimal: string;
  readonly groups: string;
}

/** Blanks: the common one, no-break, narrow no-break and thin; apostrophes: straight and curly, as the Swiss group. */
const BLANKS_AND_APOSTROPHES = " \u00a0\u202f\u2009'\u2019";
const SIGNS: Readonly<Record<Exclude<AmountFormat, 'point'>, Signs>> = {
  point_grouped: { decimal: '.', groups: `,${BLANKS_AND_APOSTROPHES}` },
  comma: { decimal: ',', groups: `.${BLANKS_AND_APOSTROPHES}` },
};

/** The decimal with a point and no grouping; null where groups are not of three digits, or of two kinds. */
function ungrouped(number: string, { decimal, groups }: Signs): string | null {
  const sign = /^[+\-\u2212]/.exec(number)?.[0] ?? '';
  const [units = '', fraction, ...more] = number.slice(sign.length).split(decimal);
  if (more.length > 0 || /[^0-9]/.test(fraction ?? '') || fraction === '') return null;
  const group = [...units].find((each) => !isDigit(each, 0));
  if (group !== undefined && !groups.includes(group)) return null;
  const [lead = '', ...threes] = group === undefined ? [units] : units.split(group);
  // A group never begins with a zero: `0,123` is a fraction in the other format.
  const isGrouped =
    threes.length === 0 || (/^[1-9]\d{0,2}$/.test(lead) && threes.every((three) => /^\d{3}$/.test(three)));
  if (!isGrouped) return null;
  const whole = `${sign === '\u2212' ? '-' : sign}${lead}${threes.join('')}`;
  return fraction === undefined ? whole : `${whole}.${fraction}`;
}
