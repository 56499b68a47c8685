/** Terms that a person ordered for one conversion, as text: JSON, with a form of its own for what JSON cannot say. */
import type { OfferTerms } from './terms.ts';

/**
 * | in the terms | in the text |
 * |---|---|
 * | bigint | `{"$bigint":"1"}` |
 * | map | `{"$map":[[key,value]]}` |
 * | set | `{"$set":[value]}` |
 *
 * No name in terms begins with `$`; the keys of maps are values and may.
 */
export function termsText(terms: OfferTerms): string {
  return JSON.stringify(terms, (_name, value: unknown) => {
    if (typeof value === 'bigint') return { $bigint: String(value) };
    if (value instanceof Map) return { $map: [...value] };
    return value instanceof Set ? { $set: [...value] } : value;
  });
}

/** @throws SyntaxError for a text that {@link termsText} has not made. */
export function termsIn(text: string): OfferTerms {
  return JSON.parse(text, (_name, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value;
    if ('$bigint' in value) return BigInt(value.$bigint as string);
    if ('$map' in value) return new Map(value.$map as [unknown, unknown][]);
    return '$set' in value ? new Set(value.$set as unknown[]) : value;
  });
}
