/** Turns one HTTP call into postbacks: query and form, JSON of any shape, many of them as a list, NDJSON or CSV. */
import {
  type CompiledProfile,
  MAX_PARAMETERS,
  MAX_ROWS,
  type Parameters,
  type ParameterValue,
  parametersOfJson,
  parseExactJson,
  type RefusalReason,
  rowsAtPath,
} from '@tributary/domain';
import type { Body } from '../edge/http-exchange.ts';
import { charsetOfContentType, decoded, EXPECTED_CHARSET, encodingOf, type TextEncoding } from './charset.ts';
import { rowsOfCsv } from './read-csv.ts';
import { asciiValue, pairsOf, piecesOf } from './read-pairs.ts';
import type { Row } from './row.ts';
import { MAX_SCANNED_DEPTH, scanJson } from './scan-json.ts';

/** What is read of a call; its body only where it has one. */
export interface IncomingCall {
  readonly method: string;
  readonly contentType: string;
  /** What follows the `?`, as sent. */
  readonly search: string;
  readonly body: Body | null;
}

/** Enough to recognise a name by; whole, a hostile one would not fit into a record. */
const MAX_NAME_TOLD = 64;
const POSTBACK_TYPES = 'application/json or application/x-www-form-urlencoded';
const BATCH_TYPES = 'application/json, application/x-ndjson or text/csv';

/**
 * The postbacks of a call to one source's own address: one, or those of a list. What cannot be read as a whole is one refused
 * row.
 */
export function readCall(call: IncomingCall, profile: CompiledProfile): readonly Row[] {
  const { method, contentType, search, body } = call;
  const query = piecesOf(search);
  if (method === 'GET') return expanded([rowOfPieces(query, profile)], profile);
  if (method !== 'POST') return refused('method_not_allowed', null, 'GET or POST');
  if (body === null || !body.ok) return refusedBody(body);
  const type = contentType.toLowerCase();
  if (body.bytes.length === 0) return expanded([rowOfPieces(query, profile)], profile);
  if (type.includes('json')) {
    const text = textOfBody(body.bytes, contentType, profile);
    if (text === null) return refused('content_type_unsupported', null, EXPECTED_CHARSET);
    const around = rowOfPieces(query, profile);
    if (!around.ok) return [around];
    const rows = rowsOfJson(text, type, profile);
    return expanded(
      rows.map((row) => merged(around.parameters, row)),
      profile,
    );
  }
  if (type.includes('x-www-form-urlencoded')) {
    const named = charsetOfContentType(contentType);
    const form = piecesOf(body.bytes.toString('latin1').trim());
    return expanded([rowOfPieces([...query, ...form], profile, named)], profile);
  }
  return refused('content_type_unsupported', null, POSTBACK_TYPES);
}

/** What a query says, for the record of a call that is not read; nothing when it cannot be read as a whole. */
export function parametersOfQuery(search: string, profile: CompiledProfile): Parameters {
  const row = rowOfPieces(piecesOf(search), profile);
  return row.ok ? row.parameters : new Map();
}

/** The postbacks of `POST /v1/postbacks`: a JSON object or list, NDJSON, or CSV. */
export function readBatch(call: IncomingCall, profile: CompiledProfile): readonly Row[] {
  const { method, contentType, body } = call;
  if (method !== 'POST') return refused('method_not_allowed', null, 'POST');
  if (body === null || !body.ok) return refusedBody(body);
  const text = textOfBody(body.bytes, contentType, profile);
  if (text === null) return refused('content_type_unsupported', null, EXPECTED_CHARSET);
  const type = contentType.toLowerCase();
  // A file has no lists in it, so the profile's rows are not looked for.
  if (type.includes('csv')) return rowsOfCsv(text);
  if (type.includes('multipart')) return refused('content_type_unsupported', null, BATCH_TYPES);
  return expanded(rowsOfJson(text, type, profile), profile);
}

function rowsOfJson(text: string, type: string, profile: CompiledProfile): readonly Row[] {
  return type.includes('ndjson') ? rowsOfLines(text, profile) : rowsOfDocument(text, profile);
}

function textOfBody(bytes: Buffer, contentType: string, { profile }: CompiledProfile): string | null {
  const encoding = encodingOf(charsetOfContentType(contentType) ?? profile.charset);
  if (encoding === null) return null;
  const text = decoded(bytes, encoding);
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

function rowOfPieces(
  pieces: readonly string[],
  { profile, rowsAt }: CompiledProfile,
  charsetOfBody: string | null = null,
): Row {
  if (rowsAt === null && pieces.length > MAX_PARAMETERS) return refusedRow(...TOO_MANY);
  const encoding = encodingOfPieces(pieces, profile, charsetOfBody);
  if (encoding === null) return refusedRow('parameter_malformed', profile.charsetParameter, EXPECTED_CHARSET);
  return rowOfPairs(pairsOf(pieces, { encoding, isDoubleEncoded: profile.isDoubleEncoded }));
}

const TOO_MANY = ['parameters_too_many', null, `at most ${MAX_PARAMETERS} parameters`] as const;

function encodingOfPieces(
  pieces: readonly string[],
  { charset, charsetParameter }: CompiledProfile['profile'],
  charsetOfBody: string | null,
): TextEncoding | null {
  const named = charsetParameter === null ? null : asciiValue(pieces, charsetParameter);
  return encodingOf(named || charsetOfBody || charset);
}

/** Pairs as sent; a name that comes twice is refused, since which value counts would be a guess. */
export function rowOfPairs(pairs: Iterable<readonly [string, ParameterValue]>): Row {
  const parameters = new Map<string, ParameterValue>();
  let size = 0;
  for (const [name, value] of pairs) {
    parameters.set(name, value);
    size += 1;
    if (parameters.size < size) return repeated(name);
  }
  return { ok: true, parameters };
}

function repeated(name: string): Row {
  return refusedRow('parameter_repeated', name.slice(0, MAX_NAME_TOLD), 'each parameter once');
}

function rowsOfLines(text: string, profile: CompiledProfile): readonly Row[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return boundedRows(lines) ?? lines.map((line) => rowOfLine(line, profile));
}

function rowOfLine(line: string, profile: CompiledProfile): Row {
  const [row, ...others] = /^\s*\{/.test(line) ? rowsOfDocument(line, profile) : [];
  return row === undefined || others.length > 0 ? refusedRow('body_malformed', null, 'a JSON object') : row;
}

/** The rows of a JSON document: the elements of a list, or the one object. */
function rowsOfDocument(text: string, profile: CompiledProfile): readonly Row[] {
  const { depth, repeated: names } = scanJson(text);
  if (depth > MAX_SCANNED_DEPTH)
    return refused('nesting_too_deep', null, `at most ${MAX_SCANNED_DEPTH} levels`);
  const parsed = parseExactJson(text);
  if (!parsed.ok) return refused('body_malformed', null, 'a JSON object, a JSON array or NDJSON');
  const elements: readonly unknown[] = Array.isArray(parsed.value) ? parsed.value : [parsed.value];
  // The rows of a call may be many; each is counted when it stands alone.
  const maxValues = profile.rowsAt === null ? MAX_PARAMETERS : Number.POSITIVE_INFINITY;
  return (
    boundedRows(elements) ??
    elements.map((element, index) => {
      const name = names.get(index);
      return name === undefined ? parametersOfJson(element, maxValues) : repeated(name);
    })
  );
}

function boundedRows(rows: readonly unknown[]): readonly Row[] | null {
  if (rows.length === 0) return refused('batch_empty', null, 'at least one row');
  if (rows.length > MAX_ROWS) return refused('batch_too_large', null, `at most ${MAX_ROWS} rows`);
  return null;
}

function merged(around: Parameters, row: Row): Row {
  if (!row.ok || around.size === 0) return row;
  return rowOfPairs([...around, ...row.parameters]);
}

/** Each row that holds a list of conversions, by the profile, as those. */
function expanded(rows: readonly Row[], { rowsAt, paths }: CompiledProfile): readonly Row[] {
  if (rowsAt === null) return rows;
  const all = rows.flatMap((row): readonly Row[] => {
    if (!row.ok) return [row];
    const inner = rowsAtPath(row.parameters, rowsAt, paths.idempotencyKey);
    return 'reason' in inner ? [{ ok: false, refusal: inner }] : inner;
  });
  return boundedRows(all) ?? all;
}

function refusedBody(body: Extract<Body, { ok: false }> | null): readonly Row[] {
  return body?.problem === 'encoded'
    ? refused('content_type_unsupported', 'Content-Encoding', 'a body that is not compressed')
    : refused('body_too_large', null, 'a smaller body');
}

function refused(reason: RefusalReason, field: string | null, expected: string): readonly Row[] {
  return [refusedRow(reason, field, expected)];
}

function refusedRow(reason: RefusalReason, field: string | null, expected: string): Row {
  return { ok: false, refusal: { reason, field, expected } };
}
