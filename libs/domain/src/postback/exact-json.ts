/** JSON with its numbers as text: a float would make one order number of two, and another amount of a long one. */

export type ParsedJson = { readonly ok: true; readonly value: unknown } | { readonly ok: false };

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

/** A float holds every decimal of this many significant digits. */
const FLOAT_DIGITS = 15;

/** The document with every number as a string; not ok where it is none, or is nested beyond what can be read. */
export function parseExactJson(text: string): ParsedJson {
  const numbersAsText: Reviver = (_key, value, { source = '' }) =>
    typeof value === 'number' ? textOf(value, source) : value;
  try {
    // TypeScript does not know the third argument yet.
    return { ok: true, value: JSON.parse(text, numbersAsText as (key: string, value: unknown) => unknown) };
  } catch {
    return { ok: false };
  }
}

/** In the plain form (`12.50` as `12.5`) where that is exact, so that one number written in two ways is one value; else as sent. */
function textOf(value: number, source: string): string {
  const plain = String(value);
  const digits = source
    .replace(/e.*$/i, '')
    .replace(/\D/g, '')
    .replace(/^0+|0+$/g, '');
  return digits.length <= FLOAT_DIGITS && /^-?\d+(?:\.\d+)?$/.test(plain) ? plain : source;
}
