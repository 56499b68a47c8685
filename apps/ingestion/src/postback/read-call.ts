/** Turns one HTTP call into parameters: query and form, a JSON object, or many of them as an array or NDJSON. */
import type { Refusal } from '@tributary/domain';
import { parseExactJson } from '../edge/exact-json.ts';

/** Parameters of one postback, each name once. */
export type Parameters = ReadonlyMap<string, string>;

export type Row =
  | { readonly ok: true; readonly parameters: Parameters }
  | { readonly ok: false; readonly refusal: Refusal };

export const MAX_BATCH_ROWS = 10_000;
/** Enough to recognise a name by; whole, a hostile one would not fit into a record. */
const MAX_NAME_TOLD = 64;

/** Pairs as sent; a name that comes twice is refused, since which value counts would be a guess. */
export function rowOfPairs(pairs: Iterable<readonly [string, string]>): Row {
  const parameters = new Map<string, string>();
  for (const [name, value] of pairs) {
    if (parameters.has(name))
      return refused('parameter_repeated', name.slice(0, MAX_NAME_TOLD), 'each parameter once');
    parameters.set(name, value);
  }
  return { ok: true, parameters };
}

/** A JSON object of scalars; nested values are left out, null counts as absent. */
export function rowOfJson(text: string): Row {
  const parsed = parseExactJson(text);
  return parsed.ok ? rowOfObject(parsed.value) : refused('body_malformed', null, 'a JSON object');
}

/** The rows of a batch: a JSON array, one JSON object, or NDJSON. */
export function rowsOfBatch(text: string, contentType: string): readonly Row[] | Refusal {
  const rows = contentType.includes('ndjson') ? rowsOfLines(text) : rowsOfDocument(text);
  if (rows === null)
    return { reason: 'body_malformed', field: null, expected: 'a JSON object, a JSON array or NDJSON' };
  if (rows.length === 0) return { reason: 'batch_empty', field: null, expected: 'at least one row' };
  if (rows.length > MAX_BATCH_ROWS) {
    return { reason: 'batch_too_large', field: null, expected: `at most ${MAX_BATCH_ROWS} rows` };
  }
  return rows;
}

function rowsOfLines(text: string): readonly Row[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(rowOfJson);
}

function rowsOfDocument(text: string): readonly Row[] | null {
  const parsed = parseExactJson(text);
  if (!parsed.ok) return null;
  return Array.isArray(parsed.value) ? parsed.value.map(rowOfObject) : [rowOfObject(parsed.value)];
}

function rowOfObject(value: unknown): Row {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refused('body_malformed', null, 'a JSON object');
  }
  const pairs = Object.entries(value).flatMap(([name, member]): [string, string][] =>
    typeof member === 'string' || typeof member === 'boolean' ? [[name, String(member)]] : [],
  );
  return rowOfPairs(pairs);
}

function refused(reason: Refusal['reason'], field: string | null, expected: string): Row {
  return { ok: false, refusal: { reason, field, expected } };
}
