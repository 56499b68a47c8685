/** Calls as parameters: JSON, NDJSON and pairs, each name once, each scalar exactly as sent. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_BATCH_ROWS, type Row, rowOfJson, rowOfPairs, rowsOfBatch } from './read-call.ts';

function parametersOf(row: Row | undefined): Record<string, string> {
  if (!row?.ok) throw new Error(`refused: ${JSON.stringify(row)}`);
  return Object.fromEntries(row.parameters);
}

function rows(text: string, contentType = 'application/json'): readonly Row[] {
  const read = rowsOfBatch(text, contentType);
  if ('reason' in read) throw new Error(`refused: ${read.reason}`);
  return read;
}

describe('rowOfPairs', () => {
  it('keeps names and values as they are', () => {
    expect(
      parametersOf(
        rowOfPairs([
          ['a', '1'],
          ['A', ' 2 '],
          ['', ''],
        ]),
      ),
    ).toEqual({ a: '1', A: ' 2 ', '': '' });
  });

  it('refuses a name that comes twice, even with the same value', () => {
    expect(rowOfPairs(new URLSearchParams('id=1&x=2&id=1'))).toEqual({
      ok: false,
      refusal: { reason: 'parameter_repeated', field: 'id', expected: 'each parameter once' },
    });
  });

  it('names no more of a repeated name than a record can hold', () => {
    const name = 'n'.repeat(100_000);
    const row = rowOfPairs([
      [name, '1'],
      [name, '2'],
    ]);
    expect(row.ok ? null : row.refusal.field?.length).toBe(64);
  });

  it('takes __proto__ and constructor for names like any other', () => {
    const row = rowOfPairs(new URLSearchParams('__proto__=x&constructor=y'));
    expect(row.ok && [...row.parameters]).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });
});

describe('rowOfJson', () => {
  it('takes scalars as text, and neither nested values nor null', () => {
    const text = '{"a":"x","b":1,"c":1.5,"d":true,"e":null,"f":{"g":1},"h":[1],"i":"","j":-0.25}';
    expect(parametersOf(rowOfJson(text))).toEqual({ a: 'x', b: '1', c: '1.5', d: 'true', i: '', j: '-0.25' });
  });

  it.each([
    ['9007199254740993', '9007199254740993'],
    ['-9007199254740993', '-9007199254740993'],
    ['9007199254740993.01', '9007199254740993.01'],
    ['12345678901.123457', '12345678901.123457'],
    ['0.12345678901234567890', '0.12345678901234567890'],
    ['1e400', '1e400'],
    ['12.50', '12.5'],
    ['100.0', '100'],
    ['1E2', '100'],
  ])('the number %s is %s, not what a float makes of it', (number, text) => {
    expect(parametersOf(rowOfJson(`{"n":${number}}`))).toEqual({ n: text });
  });

  it('keeps two long order numbers apart', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n }), (id) => {
        expect(parametersOf(rowOfJson(`{"id":${id}}`))).toEqual({ id: String(id) });
      }),
    );
  });

  it('takes __proto__ for a name like any other', () => {
    const row = rowOfJson('{"__proto__":"x","constructor":"y","__proto__x":{"polluted":1}}');
    expect(row.ok && [...row.parameters]).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    expect(Object.prototype).not.toHaveProperty('polluted');
  });

  it.each(['', 'x', '[]', '[{}]', '"text"', '1', 'null', '{', '{"a":1}{"b":2}', '['.repeat(200_000)])(
    'refuses %.20s',
    (text) => {
      expect(rowOfJson(text)).toMatchObject({ ok: false, refusal: { reason: 'body_malformed' } });
    },
  );

  it('never crashes, whatever is sent', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string(), fc.string({ unit: 'binary' })), (text) => {
        const row = rowOfJson(text);
        return row.ok ? [...row.parameters.values()].every((value) => typeof value === 'string') : true;
      }),
    );
  });
});

describe('rowsOfBatch', () => {
  it('reads an array, one object, or a line each', () => {
    expect(rows('[{"a":1},{"a":2}]').map(parametersOf)).toEqual([{ a: '1' }, { a: '2' }]);
    expect(rows('{"a":1}').map(parametersOf)).toEqual([{ a: '1' }]);
    expect(rows('{"a":1}\n\n{"a":2}\r\n', 'application/x-ndjson').map(parametersOf)).toEqual([
      { a: '1' },
      { a: '2' },
    ]);
  });

  it('answers each row on its own', () => {
    const [good, bad, alsoGood] = rows('{"a":1}\n{broken\n{"a":3}', 'application/x-ndjson');
    expect(parametersOf(good)).toEqual({ a: '1' });
    expect(bad).toMatchObject({ ok: false, refusal: { reason: 'body_malformed' } });
    expect(parametersOf(alsoGood)).toEqual({ a: '3' });
    expect(rows('[{"a":1},7,[],null]').map(({ ok }) => ok)).toEqual([true, false, false, false]);
  });

  it.each([
    ['{"a":', 'application/json', 'body_malformed'],
    ['', 'application/json', 'body_malformed'],
    ['[]', 'application/json', 'batch_empty'],
    ['\n \n', 'application/x-ndjson', 'batch_empty'],
  ])('refuses %j as %s: %s', (text, contentType, reason) => {
    expect(rowsOfBatch(text, contentType)).toMatchObject({ reason, field: null });
  });

  it('takes a full batch and refuses one row more', () => {
    const batch = (count: number) => `[${Array.from({ length: count }, () => '{}').join(',')}]`;
    expect(rows(batch(MAX_BATCH_ROWS))).toHaveLength(MAX_BATCH_ROWS);
    expect(rowsOfBatch(batch(MAX_BATCH_ROWS + 1), 'application/json')).toMatchObject({
      reason: 'batch_too_large',
    });
  });
});
