/** What the documents of every entity are made of: ids, names, money and time, with their limits. */
import { isCurrencyCode, parseDecimalToMicros } from '@tributary/domain';
import { z } from 'zod';

export const DAY_MS = 86_400_000;
const LONGEST_MS = 366 * DAY_MS;

/** Ids stand in URLs, keys and templates as they are, so they need no escaping anywhere. */
export const id = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9_-]{0,63}$/,
    'must be 1 to 64 of a-z, 0-9, _ and -, beginning with a letter or digit',
  );
export const eventType = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,63}$/, 'must be 1 to 64 of a-z, 0-9 and _, beginning with a letter');
export const name = z.string().trim().min(1).max(200);
export const foreignWord = z.string().min(1).max(200);
export const currency = z.string().refine(isCurrencyCode, 'must be an ISO 4217 code in upper case');
export const durationMs = z.int().min(0).max(LONGEST_MS);
/** A time that cannot be no time at all. */
export const someMs = z.int().min(1).max(LONGEST_MS);
export const notEmpty = <T extends z.ZodType>(element: T) => z.array(element).min(1).max(1_000);

export const decimal = z.string().refine((text) => {
  const parsed = parseDecimalToMicros(text);
  return parsed.ok && parsed.micros >= 0n && /^\d/.test(text);
}, 'must be a decimal of at least 0 with a point and at most 6 fraction digits, such as 12.50');

/** A decimal of a document in micros; its schema has refused every other text. */
export function microsOf(decimalText: string): bigint {
  const parsed = parseDecimalToMicros(decimalText);
  if (!parsed.ok) throw new TypeError(`a document holds a decimal that is ${parsed.problem}`);
  return parsed.micros;
}
