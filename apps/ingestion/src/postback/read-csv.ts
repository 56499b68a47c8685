/** Offline conversions as a CSV file: the header line names the parameters, every other line is one postback. */
import { MAX_PARAMETERS, MAX_ROWS, type Refusal } from '@tributary/domain';
import { CsvError, parse } from 'csv-parse/sync';
import type { Row } from './row.ts';

interface Line {
  readonly cells: readonly string[];
  /** Where it begins in the file, counted from 1. */
  readonly line: number;
}

const SEPARATORS = [',', ';', '\t'] as const;

/**
 * RFC 4180 with a BOM or without, lines ended by LF or CRLF, separated by the comma, semicolon or tab that the header has most
 * of. Blank lines are passed over. A quote that is not closed takes the rest of the file with it: what stood before is
 * read, and one refused row says where it was.
 */
export function rowsOfCsv(text: string): readonly Row[] {
  const { lines, brokenAt } = linesOf(text);
  const [header, ...body] = lines;
  const names = header?.cells.map((name) => name.trim()) ?? [];
  const refusal = refusalOf(names, body.length, brokenAt);
  if (refusal !== null) return [{ ok: false, refusal }];
  const rows = body.map((line) => rowOf(names, line));
  return brokenAt === null
    ? rows
    : [...rows, malformed(brokenAt, 'closed quotes; no line from here on was read')];
}

function refusalOf(names: readonly string[], rows: number, brokenAt: number | null): Refusal | null {
  const named = names.filter((name) => name !== '');
  const repeated = named.find((name, index) => named.indexOf(name) !== index);
  if (repeated !== undefined)
    return { reason: 'parameter_repeated', field: repeated.slice(0, 64), expected: 'each column once' };
  if (named.length > MAX_PARAMETERS)
    return { reason: 'parameters_too_many', field: null, expected: `at most ${MAX_PARAMETERS} columns` };
  if (rows === 0 && brokenAt === null)
    return { reason: 'batch_empty', field: null, expected: 'a header line and at least one row' };
  if (rows > MAX_ROWS)
    return { reason: 'batch_too_large', field: null, expected: `at most ${MAX_ROWS} rows` };
  return null;
}

function linesOf(text: string): { lines: readonly Line[]; brokenAt: number | null } {
  const bytes = Buffer.from(text);
  const place = new Place(bytes);
  const lines: Line[] = [];
  try {
    parse(bytes, {
      bom: true,
      delimiter: separatorOf(text),
      relax_column_count: true,
      skip_empty_lines: true,
      on_record: (cells: string[], { bytes: end }) => {
        lines.push({ cells, line: place.lineOfNext() });
        place.moveTo(end);
        return null;
      },
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return { lines, brokenAt: place.lineOfNext() };
  }
  return { lines, brokenAt: null };
}

const LF = 0x0a;
const CR = 0x0d;

/** Where the reading stands: the parser's own count of lines takes a CRLF within quotes for two. */
class Place {
  readonly #bytes: Buffer;
  #at = 0;
  #line = 1;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The line on which the next record begins, blank lines passed over. */
  lineOfNext(): number {
    let end = this.#at;
    while (this.#bytes[end] === LF || this.#bytes[end] === CR) end++;
    this.moveTo(end);
    return this.#line;
  }

  moveTo(end: number): void {
    for (; this.#at < end; this.#at++) if (this.#bytes[this.#at] === LF) this.#line++;
  }
}

function separatorOf(text: string): string {
  const header = text.slice(0, text.search(/[\r\n]|$/));
  const counts = SEPARATORS.map((separator) => header.split(separator).length);
  return SEPARATORS[counts.indexOf(Math.max(...counts))] ?? ',';
}

function rowOf(names: readonly string[], { cells, line }: Line): Row {
  const surplus = cells.slice(names.length);
  if (cells.length < names.length || surplus.some((cell) => cell !== ''))
    return malformed(line, `${names.length} columns, as the header has`);
  // With a default event type a line of separators alone would be a conversion.
  if (cells.every((cell) => cell.trim() === '')) return malformed(line, 'at least one value');
  const parameters = new Map<string, string>();
  for (const [index, name] of names.entries()) if (name !== '') parameters.set(name, cells[index] ?? '');
  return { ok: true, parameters, line };
}

function malformed(line: number, expected: string): Row {
  return { ok: false, refusal: { reason: 'body_malformed', field: null, expected }, line };
}
