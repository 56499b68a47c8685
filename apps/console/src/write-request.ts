/** Reads what a writer sent beside and around the document itself. */
import { parseInstant } from '@tributary/domain';
import { done, type Outcome, refuse } from './refusal.ts';

/** The body of PUT …/{id}. */
export interface WriteRequest {
  /** The whole entity; it replaces what is there. */
  readonly document: Readonly<Record<string, unknown>>;
  /**
   * Secret settings of a destination, or signing secrets of a source, in clear, by dotted path. One that is left out stays as it is, an empty one is
   * taken away.
   */
  readonly secrets: Readonly<Record<string, string>> | null;
  /** New tokens of a source in clear; only their hashes are kept. */
  readonly tokens: readonly string[] | null;
  /** The key of an API key in clear; null keeps the one there is, or makes one for a new API key. */
  readonly key: string | null;
  /** Whether console is to make a new key and answer it, this once. */
  readonly generateKey: boolean;
  /** The version the writer saw; null for the one console sees. */
  readonly expectedVersion: number | null;
  /** Epoch milliseconds, UTC; null for now. */
  readonly effectiveFrom: number | null;
}

type Fields = Readonly<Record<string, unknown>>;

const FIELDS = [
  'document',
  'secrets',
  'tokens',
  'key',
  'generateKey',
  'expectedVersion',
  'effectiveFrom',
] as const;
/** Far more than any document needs; what walks through one recursively must not run out of stack. */
const MAX_DEPTH = 32;
const MAX_SECRETS = 50;
const MAX_TOKENS = 20;
/** Dotted, no part of it able to reach the prototype of an object. */
const SECRET_NAME = /^(?!.*(?:^|\.)__proto__(?:\.|$))[\w-]{1,64}(?:\.[\w-]{1,64}){0,5}$/;
/** Shorter ones could be found by trying; the hash is not salted, because ingestion looks it up. */
const TOKEN = /^[\x21-\x7e]{16,256}$/;
/** Of somebody's own making, so it must look like chance: as long as 24 characters, 12 of them different. */
const KEY = /^[\x21-\x7e]{24,256}$/;
const MIN_KEY_CHARACTERS = 12;
const VERSION = /^(?:-1|\d{1,15})$/;

export function readWriteRequest(body: unknown): Outcome<WriteRequest> {
  if (!isRecord(body)) return malformed('body', 'the body must be a JSON object');
  const stranger = strangerAmong(body, FIELDS);
  if (stranger !== null) return stranger;
  const { document } = body;
  if (!isRecord(document)) return malformed('document', 'document must be a JSON object');
  if (isDeeperThan(document, MAX_DEPTH))
    return malformed('document', `document must not be nested deeper than ${MAX_DEPTH} levels`);
  const secrets = readSecrets(body);
  if (!secrets.ok) return secrets;
  const tokens = readTokens(body);
  if (!tokens.ok) return tokens;
  const key = readKey(body);
  if (!key.ok) return key;
  const expectedVersion = readVersion(body['expectedVersion']);
  if (!expectedVersion.ok) return expectedVersion;
  const effectiveFrom = readInstant(body);
  if (!effectiveFrom.ok) return effectiveFrom;
  return done({
    document,
    secrets: secrets.value,
    tokens: tokens.value,
    ...key.value,
    expectedVersion: expectedVersion.value,
    effectiveFrom: effectiveFrom.value,
  });
}

/** A version from a body (a number) or a query (text); null when it was not given. */
export function readVersion(value: unknown): Outcome<number | null> {
  if (value === undefined) return done(null);
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text === 'string' && VERSION.test(text)) return done(Number(text));
  return malformed('expectedVersion', 'expectedVersion must be the version of the entity, or -1 for none');
}

function readSecrets({ secrets }: Fields): Outcome<Readonly<Record<string, string>> | null> {
  if (secrets === undefined) return done(null);
  if (!isRecord(secrets)) return malformed('secrets', 'secrets must be a JSON object of texts');
  const entries = Object.entries(secrets);
  const texts: Record<string, string> = {};
  for (const [name, text] of entries) {
    if (!SECRET_NAME.test(name) || typeof text !== 'string' || entries.length > MAX_SECRETS) {
      return malformed('secrets', `secrets must be at most ${MAX_SECRETS} texts by dotted setting name`);
    }
    texts[name] = text;
  }
  return done(texts);
}

function readTokens({ tokens }: Fields): Outcome<readonly string[] | null> {
  if (tokens === undefined) return done(null);
  if (Array.isArray(tokens) && tokens.length <= MAX_TOKENS && tokens.every(isToken)) return done(tokens);
  return malformed(
    'tokens',
    `tokens must be at most ${MAX_TOKENS} texts of 16 to 256 printable ASCII characters`,
  );
}

function isToken(value: unknown): value is string {
  return typeof value === 'string' && TOKEN.test(value);
}

function readKey({ key, generateKey = false }: Fields): Outcome<Pick<WriteRequest, 'key' | 'generateKey'>> {
  if (typeof generateKey !== 'boolean' || (generateKey && key !== undefined))
    return malformed('generateKey', 'generateKey must be true or false, and not true beside a key');
  if (key === undefined) return done({ key: null, generateKey });
  if (typeof key === 'string' && KEY.test(key) && new Set(key).size >= MIN_KEY_CHARACTERS)
    return done({ key, generateKey });
  return malformed(
    'key',
    `key must be 24 to 256 random printable ASCII characters, ${MIN_KEY_CHARACTERS} of them different`,
  );
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}

/** Refuses a body with other fields than these; a field that is misspelt would otherwise do nothing in silence. */
export function strangerAmong(body: Fields, fields: readonly string[]) {
  const isKnown = Object.keys(body).every((field) => fields.includes(field));
  return isKnown ? null : malformed('body', `the body may only have ${fields.join(', ')}`);
}

function readInstant({ effectiveFrom }: Fields): Outcome<number | null> {
  if (effectiveFrom === undefined) return done(null);
  const instant = typeof effectiveFrom === 'string' ? parseInstant(effectiveFrom) : null;
  return instant === null
    ? malformed('effectiveFrom', 'effectiveFrom must be ISO 8601, e.g. 2030-01-02T03:04:05Z')
    : done(instant);
}

export function malformed(field: string, message: string) {
  return refuse('request_malformed', message, { field });
}

export function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
