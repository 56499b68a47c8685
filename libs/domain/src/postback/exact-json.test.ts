/** Numbers as text: the same documents as JSON.parse takes, and each number as the text a reviver would have been told. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseExactJson } from './exact-json.ts';

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

describe('parseExactJson', () => {
  it.each([
    ['12.50', '12.5'],
    ['1e2', '100'],
    ['-0', '0'],
    ['1e400', '1e400'],
    ['9007199254740993.01', '9007199254740993.01'],
    ['12345678901234567890', '12345678901234567890'],
    ['0.000000001', '0.000000001'],
    ['{"a":[1,{"b":-2.0}],"3":"4"}', { a: ['1', { b: '-2' }], 3: '4' }],
    ['"1\\"2"', '1"2'],
    ['"\\\\",', undefined],
    ['["\\\\",7]', ['\\', '7']],
    ['[true,false,null]', [true, false, null]],
  ])('%s', (text, value) => {
    expect(parseExactJson(text)).toEqual(value === undefined ? { ok: false } : { ok: true, value });
  });

  it.each([
    '',
    '01',
    '1.',
    '.5',
    '+1',
    '--1',
    '1 2',
    '[1 2]',
    '{1:2}',
    '{1 :2}',
    '1true',
    '"a"1',
    '[1,]',
    'NaN',
    '-',
  ])('is not ok for %s', (text) => {
    expect(parseExactJson(text)).toEqual({ ok: false });
  });

  it('takes what JSON.parse takes, to the same value', () => {
    const document = fc.json({ maxDepth: 4 });
    const torn = fc
      .tuple(document, fc.nat(), fc.constantFrom('', '1', '-', '"', '\\', ':', ' ', '.', 'e9', '[', '}'))
      .map(([text, at, sign]) => {
        const place = at % (text.length + 1);
        return text.slice(0, place) + sign + text.slice(place + (at % 2));
      });
    fc.assert(
      fc.property(fc.oneof(document, torn), (text) => {
        const exact = parseExactJson(text);
        expect(exact.ok).toBe(isJson(text));
        if (exact.ok) expect(asNumbers(exact.value)).toEqual(asNumbers(withSources(text)));
      }),
      { numRuns: 5_000 },
    );
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The document by a reviver, each number as it was written. */
function withSources(text: string): unknown {
  const reviver: Reviver = (_key, value, { source = '' }) => (typeof value === 'number' ? source : value);
  return JSON.parse(text, reviver as (key: string, value: unknown) => unknown);
}

/** Two texts of one number are one value; texts that are no numbers stay. */
function asNumbers(value: unknown): unknown {
  if (typeof value === 'string')
    return value.trim() !== '' && Number.isFinite(Number(value)) ? Number(value) + 0 : value;
  if (Array.isArray(value)) return value.map(asNumbers);
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).map(([name, inner]) => [name, asNumbers(inner)]);
  return value;
}
