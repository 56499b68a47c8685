/** The parts that every destination's settings schema is made of, and the walk that finds the secrets in them. */
import { z } from 'zod';

/** The schema's own mark of a secret field; it also shows in the JSON schema made of it. */
const SECRET_MARK = { secret: true } as const;

/**
 * A setting that is encrypted at rest, never shown again and never recorded: an access token, a password.
 * Printable ASCII without spaces, since most of them travel in a header; at least four characters, since hiding shorter
 * ones would blacken half of every record.
 */
export function secret() {
  return z
    .string()
    .min(4)
    .max(4_096)
    .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces')
    .meta(SECRET_MARK);
}

/** Where the platform is: scheme, host and port. Another one than the default only to reach a sandbox. */
export function baseUrl(platform: string) {
  return z
    .string()
    .regex(/^https?:\/\/[A-Za-z0-9.:[\]-]+$/, 'must be scheme, host and port only')
    .refine((text) => URL.canParse(text), 'must be a URL')
    .default(platform)
    .describe('scheme, host and port; another one only to reach a sandbox');
}

/** Names of outward events that replace the definition's own, by our event type; every definition's `events` setting. */
export function eventOverrides() {
  return z
    .record(z.string().min(1), z.string().min(1).max(100))
    .default({})
    .describe('outward event by our event type, in place of the table below');
}

type Settings = Readonly<Record<string, unknown>>;

/**
 * A copy of a settings value with every secret string replaced; anything else stays as it is.
 * Works on raw and on parsed settings; follows objects, records, arrays and optional, nullable and default wrappers.
 */
export function mapSecrets(
  schema: z.core.$ZodType,
  value: unknown,
  replace: (secret: string) => string,
): unknown {
  if (isSecret(schema)) return typeof value === 'string' ? replace(value) : value;
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return mapSecrets(schema.unwrap(), value, replace);
  }
  if (schema instanceof z.ZodArray && Array.isArray(value)) {
    return value.map((item: unknown) => mapSecrets(schema.element, item, replace));
  }
  if (schema instanceof z.ZodObject && isRecord(value)) {
    return mapEntries(value, (key, item) => mapField(schema.shape, key, item, replace));
  }
  if (schema instanceof z.ZodRecord && isRecord(value)) {
    return mapEntries(value, (_key, item) => mapSecrets(schema.valueType, item, replace));
  }
  return value;
}

/** Every secret in a settings value. */
export function secretsIn(schema: z.core.$ZodType, value: unknown): string[] {
  const found: string[] = [];
  mapSecrets(schema, value, (text) => {
    found.push(text);
    return text;
  });
  return found;
}

function isSecret(schema: z.core.$ZodType): boolean {
  return schema instanceof z.ZodType && schema.meta()?.['secret'] === true;
}

function mapField(
  shape: Readonly<Record<string, z.core.$ZodType>>,
  key: string,
  value: unknown,
  replace: (secret: string) => string,
): unknown {
  const schema = Object.hasOwn(shape, key) ? shape[key] : undefined;
  return schema === undefined ? value : mapSecrets(schema, value, replace);
}

function mapEntries(record: Settings, map: (key: string, value: unknown) => unknown): Settings {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(key, value)]));
}

function isRecord(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null;
}
