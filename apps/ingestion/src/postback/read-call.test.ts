/** Calls as postbacks: every form a sender may choose, each name once, each value exactly as sent, no row without an answer. */
import { compileProfile, completeProfile, leavesOf, type WrittenProfile } from '@tributary/domain';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBatch, readCall, rowOfPairs } from './read-call.ts';
import type { Row } from './row.ts';

const MAX_BATCH_ROWS = 10_000;

interface Sent {
  readonly method?: string;
  readonly contentType?: string;
  readonly search?: string;
  readonly body?: string | Buffer;
}

function callOf({ method, contentType = 'application/json', search = '', body }: Sent) {
  const bytes = Buffer.from(body ?? '');
  return {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    contentType,
    search,
    body: { ok: true as const, bytes, text: bytes.toString() },
  };
}

const read = (sent: Sent, profile: WrittenProfile = {}) =>
  readCall(callOf(sent), compileProfile(completeProfile(profile)));

const batch = (body: string | Buffer, contentType = 'application/json', profile: WrittenProfile = {}) =>
  readBatch(callOf({ body, contentType, method: 'POST' }), compileProfile(completeProfile(profile)));

function parametersOf(row: Row | undefined): Record<string, string> {
  if (!row?.ok) throw new Error(`refused: ${JSON.stringify(row)}`);
  return Object.fromEntries(leavesOf(row.parameters).map(({ path, value }) => [path, value]));
}

function refusalOf(rows: readonly Row[]) {
  const [row] = rows;
  if (row === undefined || row.ok || rows.length > 1) throw new Error('not one refused row');
  return row.refusal;
}

const json = (body: string) => parametersOf(read({ body })[0]);
const query = (search: string, profile: WrittenProfile = {}) => parametersOf(read({ search }, profile)[0]);

describe('rowOfPairs', () => {
  it('keeps names and values as they are', () => {
    const pairs = [
      ['a', '1'],
      ['A', ' 2 '],
      ['', ''],
    ] as const;
    expect(parametersOf(rowOfPairs(pairs))).toEqual({ a: '1', A: ' 2 ', '': '' });
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

describe('a query', () => {
  it.each<[string, Record<string, string>]>([
    ['', {}],
    ['a=1&b=', { a: '1', b: '' }],
    ['a', { a: '' }],
    ['&&a=1&', { a: '1' }],
    ['=x', { '': 'x' }],
    ['a=b=c', { a: 'b=c' }],
    ['a=b+c&d=b%20c&e=b%2Bc', { a: 'b c', d: 'b c', e: 'b+c' }],
    ['%0Aclick_id%0D%0A=x%20', { click_id: 'x ' }],
    ['a=%E2%82%AC', { a: '€' }],
    ['a=%zz&b=100%&c=%4', { a: '%zz', b: '100%', c: '%4' }],
    ['a=%E2%82%AC%zz', { a: '€%zz' }],
    ['a=%ff', { a: '\ufffd' }],
    ['a=%ed%a0%80', { a: '\ufffd\ufffd\ufffd' }],
    ['a=%00', { a: '\u0000' }],
    ['data[click_id]=x', { 'data[click_id]': 'x' }],
    // Bytes as Node gives them: one character each.
    ['a=\u00e2\u0082\u00ac', { a: '€' }],
  ])('%j', (search, parameters) => {
    expect(query(search)).toEqual(parameters);
  });

  it.each([
    ['windows-1251', 'a=%CF%F0%E8%E2%E5%F2', 'Привет'],
    ['windows-1251', 'a=\u00cf\u00f0+1', 'Пр 1'],
    ['windows-1252', 'a=%80%E9', '€é'],
    ['iso-8859-1', 'a=M%FCller', 'Müller'],
    ['windows-1252', 'a=%zz%E9', '%zzé'],
  ] as const)('is read in the charset of the profile, %s: %s', (charset, search, value) => {
    expect(query(search, { charset })).toEqual({ a: value });
  });

  it('is read in the charset that the call names', () => {
    const profile = { charsetParameter: 'charset' };
    expect(query('a=%CF&charset=windows-1251', profile)['a']).toBe('П');
    expect(query('a=%CF&charset=CP1251', profile)['a']).toBe('П');
    expect(query('a=%D0%9F&charset=', profile)['a']).toBe('П');
    expect(refusalOf(read({ search: 'a=1&charset=utf-16' }, profile))).toMatchObject({
      reason: 'parameter_malformed',
      field: 'charset',
    });
  });

  it.each([
    ['caf%25C3%25A9', 'café'],
    ['100%25', '100%'],
    ['%252B43', '+43'],
    ['%2B43', '+43'],
    ['a%2520b%2526c', 'a b&c'],
    ['%25ff', '%ff'],
  ])('that is encoded twice is decoded once more where that gives text: %s', (sent, value) => {
    expect(query(`a=${sent}`, { isDoubleEncoded: true })).toEqual({ a: value });
  });

  it('has as many parameters as a postback can have, and not one more', () => {
    const search = (count: number) => Array.from({ length: count }, (_, index) => `p${index}=1`).join('&');
    expect(Object.keys(query(search(500)))).toHaveLength(500);
    expect(refusalOf(read({ search: search(501) })).reason).toBe('parameters_too_many');
    expect(refusalOf(read({ search: search(10_000) })).reason).toBe('parameters_too_many');
  });

  it('is read as URLSearchParams would, whatever well-formed text is sent', () => {
    const text = fc.string({ unit: 'grapheme' }).filter((each) => each.isWellFormed());
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name.trim() }), (pairs) => {
        const trimmed = pairs.map(([name, value]) => [name.trim(), value]);
        expect(query(new URLSearchParams(pairs).toString())).toEqual(Object.fromEntries(trimmed));
      }),
    );
  });

  it('never crashes, whatever bytes are sent', () => {
    const bytes = fc.string({
      unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
    });
    const charset = fc.constantFrom('utf-8', 'windows-1251', 'windows-1252', 'iso-8859-1');
    fc.assert(
      fc.property(bytes, charset, fc.boolean(), (search, named, isDoubleEncoded) => {
        expect(read({ search }, { charset: named, isDoubleEncoded })).toHaveLength(1);
      }),
    );
  });
});

describe('a form', () => {
  const contentType = 'application/x-www-form-urlencoded';

  it('is read with the query before it', () => {
    const rows = read({ search: 'a=1', body: 'b=2%203\r\n', contentType });
    expect(rows.map(parametersOf)).toEqual([{ a: '1', b: '2 3' }]);
    expect(refusalOf(read({ search: 'a=1', body: 'a=1', contentType }))).toMatchObject({
      reason: 'parameter_repeated',
      field: 'a',
    });
  });

  it('is read in the charset of its content type, over that of the profile', () => {
    const profile = { charset: 'windows-1252' } as const;
    expect(read({ body: 'a=%CF', contentType }, profile).map(parametersOf)).toEqual([{ a: 'Ï' }]);
    expect(
      read({ body: 'a=%CF', contentType: `${contentType}; charset="windows-1251"` }, profile).map(
        parametersOf,
      ),
    ).toEqual([{ a: 'П' }]);
    expect(read({ body: Buffer.from([0x61, 0x3d, 0xcf]), contentType }, profile).map(parametersOf)).toEqual([
      { a: 'Ï' },
    ]);
  });
});

describe('a JSON object', () => {
  it('is taken as a tree with every scalar as text, without null', () => {
    const body =
      '\ufeff{"a":"x","b":1,"c":1.5,"d":true,"e":null,"f":{"g":1,"n":null},"h":[1,{"i":2},null],"i":"","j":-0.25}';
    expect(json(body)).toEqual({
      a: 'x',
      b: '1',
      c: '1.5',
      d: 'true',
      'f.g': '1',
      'h[0]': '1',
      'h[1].i': '2',
      'h[2]': '',
      i: '',
      j: '-0.25',
    });
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
    expect(json(`{"n":${number}}`)).toEqual({ n: text });
  });

  it('keeps two long order numbers apart', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n }), (id) => {
        expect(json(`{"id":${id}}`)).toEqual({ id: String(id) });
      }),
    );
  });

  it('takes __proto__ for a name like any other', () => {
    const [row] = read({ body: '{"__proto__":"x","constructor":"y","a":{"__proto__":{"polluted":1}}}' });
    expect(row?.ok && [...row.parameters.keys()]).toEqual(['__proto__', 'constructor', 'a']);
    expect(Object.prototype).not.toHaveProperty('polluted');
    expect(parametersOf(row)).toMatchObject({ 'a.__proto__.polluted': '1' });
  });

  it.each(['x', '"text"', '1', 'null', '{', '{"a":1}{"b":2}', '[7]', '[[]]', '{"a":1,}'])(
    '%.20s is none',
    (body) => {
      expect(refusalOf(read({ body })).reason).toBe('body_malformed');
    },
  );

  it.each([
    ['{"a":1,"b":{"x":1},"a":2}', 'a'],
    ['{"b":{"x":1,"x":1}}', 'x'],
    ['{"a":"\\"","\\u0061":"}"}', 'a'],
  ])('names a parameter once: %s', (body, field) => {
    expect(refusalOf(read({ body }))).toMatchObject({ reason: 'parameter_repeated', field });
  });

  it('takes the same name in two objects, and names within texts', () => {
    expect(json('{"a":{"x":1},"b":{"x":2},"c":"{\\"x\\":1,\\"x\\":2}","d":["x","x"]}')).toMatchObject({
      'a.x': '1',
      'b.x': '2',
    });
    expect(refusalOf(read({ search: 'a=1', body: '{"a":1}' })).reason).toBe('parameter_repeated');
  });

  it('is bounded in depth and number', () => {
    const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
    expect(json(deep(16))).toEqual({ [Array(16).fill('a').join('.')]: '1' });
    expect(refusalOf(read({ body: deep(17) })).reason).toBe('nesting_too_deep');
    expect(refusalOf(read({ body: deep(100_000) })).reason).toBe('nesting_too_deep');
    expect(refusalOf(read({ body: '['.repeat(200_000) })).reason).toBe('nesting_too_deep');
    const wide = (count: number) => `{"l":[${Array(count).fill('1').join(',')}]}`;
    expect(Object.keys(json(wide(500)))).toHaveLength(500);
    expect(refusalOf(read({ body: wide(501) })).reason).toBe('parameters_too_many');
  });

  it('is read in the charset its content type names', () => {
    const body = Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xcf, 0x22, 0x7d]);
    const contentType = 'application/json; charset=windows-1251';
    expect(read({ body, contentType }).map(parametersOf)).toEqual([{ a: 'П' }]);
    expect(refusalOf(read({ body, contentType: 'application/json; charset=utf-32' })).reason).toBe(
      'content_type_unsupported',
    );
  });
});

describe('a call with many conversions', () => {
  it('is a list, each row with the query before it', () => {
    const rows = read({ search: 't=1', body: '[{"a":1},7,{"a":2,"a":3},{"t":9}]' });
    expect(rows.map((row) => (row.ok ? parametersOf(row) : row.refusal.reason))).toEqual([
      { t: '1', a: '1' },
      'body_malformed',
      'parameter_repeated',
      'parameter_repeated',
    ]);
    expect(refusalOf(read({ body: '[]' })).reason).toBe('batch_empty');
  });

  it('holds them where the profile says, the element before what stands around it', () => {
    const body = '{"currency":"EUR","data":{"id":"x","rows":[{"a":1},{"a":2,"currency":"USD"}]}}';
    expect(read({ body }, { rowsAt: 'data.rows' }).map(parametersOf)).toEqual([
      { currency: 'EUR', 'data.id': 'x', a: '1' },
      { currency: 'USD', 'data.id': 'x', a: '2' },
    ]);
  });

  it.each<[string, Sent, string]>([
    ['JSON inside a form field', { search: `t=1&rows=${encodeURIComponent('[{"a":1},{"a":2}]')}` }, 'rows'],
    [
      'JSON inside a form field, further in',
      { search: `t=1&p=${encodeURIComponent('{"rows":[{"a":1},{"a":2}]}')}` },
      'p.rows',
    ],
    ['bracketed form keys', { search: 't=1&rows[0][a]=1&rows[1][a]=2' }, 'rows'],
    ['bracketed form keys, further in', { search: 't=1&p[rows][1][a]=2&p[rows][0][a]=1' }, 'p.rows'],
  ])('comes as %s', (_name, sent, rowsAt) => {
    expect(read(sent, { rowsAt }).map(parametersOf)).toEqual([
      { t: '1', a: '1' },
      { t: '1', a: '2' },
    ]);
  });

  it.each([
    ['{"a":1}', 'rows_missing'],
    ['{"rows":{"a":1}}', 'rows_missing'],
    ['{"rows":"x"}', 'rows_missing'],
    ['{"rows":[]}', 'batch_empty'],
    [
      `{"rows":[${Array(MAX_BATCH_ROWS + 1)
        .fill('1')
        .join(',')}]}`,
      'batch_too_large',
    ],
  ])('%.30s is refused: %s', (body, reason) => {
    expect(refusalOf(read({ body }, { rowsAt: 'rows' }))).toMatchObject({ reason, field: 'rows' });
  });

  it('answers an element that is no object, and counts the parameters of each row', () => {
    const wide = Array.from({ length: 499 }, (_, index) => `"p${index}":1`).join(',');
    const rows = read({ body: `{"x":1,"rows":[7,{${wide}},{${wide},"q":1}]}` }, { rowsAt: 'rows' });
    expect(rows.map((row) => (row.ok ? 'ok' : row.refusal))).toMatchObject([
      { reason: 'body_malformed', field: 'rows[0]' },
      'ok',
      { reason: 'parameters_too_many' },
    ]);
  });

  it('gives each row a key of its own where the call has one for all', () => {
    const body = '{"idempotency_key":"k","rows":[{"a":1},{"a":2,"idempotency_key":"own"},{"a":3}]}';
    const keys = read({ body }, { rowsAt: 'rows' }).map((row) => parametersOf(row)['idempotency_key']);
    expect(keys).toEqual(['k#0', 'own', 'k#2']);
    const profile = { rowsAt: 'rows', aliases: { idempotencyKey: ['event.id'] } };
    const nested = '{"event":{"id":"e"},"rows":[{"a":1},{"event":{"id":"own"}}]}';
    expect(read({ body: nested }, profile).map((row) => parametersOf(row)['event.id'])).toEqual([
      'e#0',
      'own',
    ]);
  });
});

describe('what is no postback', () => {
  it.each<[Sent, string]>([
    [{ method: 'DELETE' }, 'method_not_allowed'],
    [{ body: '--b\r\n', contentType: 'multipart/form-data; boundary=b' }, 'content_type_unsupported'],
    [{ body: '<a/>', contentType: 'text/xml' }, 'content_type_unsupported'],
    [{ body: 'a=1', contentType: '' }, 'content_type_unsupported'],
  ])('%j: %s', (sent, reason) => {
    expect(refusalOf(read(sent)).reason).toBe(reason);
  });
});

describe('a batch', () => {
  it('is an array, one object, or a line each', () => {
    expect(batch('[{"a":1},{"a":2}]').map(parametersOf)).toEqual([{ a: '1' }, { a: '2' }]);
    expect(batch('{"a":1}').map(parametersOf)).toEqual([{ a: '1' }]);
    expect(batch('{"a":1}\n\n{"a":2}\r\n', 'application/x-ndjson').map(parametersOf)).toEqual([
      { a: '1' },
      { a: '2' },
    ]);
  });

  it('answers each row on its own', () => {
    const [good, bad, alsoGood, list] = batch('{"a":1}\n{broken\n{"a":3}\n[{"a":4}]', 'application/x-ndjson');
    expect(parametersOf(good)).toEqual({ a: '1' });
    expect(bad).toMatchObject({ ok: false, refusal: { reason: 'body_malformed' } });
    expect(parametersOf(alsoGood)).toEqual({ a: '3' });
    expect(list).toMatchObject({ ok: false, refusal: { reason: 'body_malformed' } });
    expect(batch('[{"a":1},7,[],null]').map(({ ok }) => ok)).toEqual([true, false, false, false]);
  });

  it.each([
    ['{"a":', 'application/json', 'body_malformed'],
    ['', 'application/json', 'body_malformed'],
    ['[]', 'application/json', 'batch_empty'],
    ['\n \n', 'application/x-ndjson', 'batch_empty'],
    ['a=1', 'application/x-www-form-urlencoded', 'body_malformed'],
    ['--b', 'multipart/form-data; boundary=b', 'content_type_unsupported'],
  ])('%j as %s is refused: %s', (text, contentType, reason) => {
    expect(refusalOf(batch(text, contentType))).toMatchObject({ reason, field: null });
  });

  it('takes a full batch and refuses one row more', () => {
    const rows = (count: number) => Array<string>(count).fill('{}');
    expect(batch(`[${rows(MAX_BATCH_ROWS).join(',')}]`)).toHaveLength(MAX_BATCH_ROWS);
    expect(refusalOf(batch(`[${rows(MAX_BATCH_ROWS + 1).join(',')}]`)).reason).toBe('batch_too_large');
    const lines = rows(MAX_BATCH_ROWS + 1).join('\n');
    expect(refusalOf(batch(lines, 'application/x-ndjson')).reason).toBe('batch_too_large');
  });

  it('spreads the list that each row holds, and is as large as all of them', () => {
    const rows = batch('[{"r":[{"a":1},{"a":2}]},{"r":[{"a":3}]},{}]', 'application/json', { rowsAt: 'r' });
    expect(rows.map((row) => (row.ok ? parametersOf(row) : row.refusal.reason))).toEqual([
      { a: '1' },
      { a: '2' },
      { a: '3' },
      'rows_missing',
    ]);
  });
});

describe('a CSV file', () => {
  const csv = (text: string | Buffer, profile: WrittenProfile = {}, charset = '') =>
    batch(text, `text/csv${charset}`, profile);

  it('names the parameters in its first line, and tells the line of each row', () => {
    const rows = csv(
      '\ufefftxid, sum ,note\r\no-1,"1,50","said ""hi"""\r\n\r\no-2,2,"two\r\nlines"\r\no-3,3,',
    );
    expect(rows.map((row) => [row.line, parametersOf(row)])).toEqual([
      [2, { txid: 'o-1', sum: '1,50', note: 'said "hi"' }],
      [4, { txid: 'o-2', sum: '2', note: 'two\r\nlines' }],
      [6, { txid: 'o-3', sum: '3', note: '' }],
    ]);
  });

  it.each([
    ['a;b\n1,5;2', { a: '1,5', b: '2' }],
    ['a\tb\n1;5\t2', { a: '1;5', b: '2' }],
    ['a,b,\n1,2,', { a: '1', b: '2' }],
    ['a\n1', { a: '1' }],
  ])('is separated by what its header is: %j', (text, parameters) => {
    expect(csv(text).map(parametersOf)).toEqual([parameters]);
  });

  it('is read in its charset', () => {
    const bytes = Buffer.concat([Buffer.from('a\n'), Buffer.from([0xcf, 0xf0])]);
    expect(csv(bytes, { charset: 'windows-1251' }).map(parametersOf)).toEqual([{ a: 'Пр' }]);
    expect(csv(bytes, {}, '; charset=windows-1252').map(parametersOf)).toEqual([{ a: 'Ïð' }]);
  });

  it('answers a line that does not fit the header, and one without any value', () => {
    const rows = csv('a,b\n1\n1,2,3\n1,2,\n,\n3,4');
    expect(rows.map((row) => [row.line, row.ok ? 'ok' : row.refusal.reason])).toEqual([
      [2, 'body_malformed'],
      [3, 'body_malformed'],
      [4, 'ok'],
      [5, 'body_malformed'],
      [6, 'ok'],
    ]);
  });

  it.each([
    ['a,b\n1,2\n\n"3,4\n5,6\n', [2, 4]],
    ['a,b\n1,2\nx"3",4\n5,6\n', [2, 3]],
    ['a,b\n"x\ny",2\n"3"x,4\n5,6\n', [2, 4]],
    ['"a,b\n1,2\n', [1]],
  ])('reads what stands before a broken quote, and says where that is: %j', (text, lines) => {
    const rows = csv(text);
    expect(rows.map(({ line }) => line)).toEqual(lines);
    expect(rows.at(-1)).toMatchObject({ ok: false, refusal: { reason: 'body_malformed' } });
    expect(rows.slice(0, -1).every(({ ok }) => ok)).toBe(true);
  });

  it.each([
    ['', 'batch_empty'],
    ['a,b\n', 'batch_empty'],
    ['a,b,a\n1,2,3\n', 'parameter_repeated'],
    [`${Array.from({ length: 501 }, (_, index) => `p${index}`).join(',')}\n1\n`, 'parameters_too_many'],
    [`a\n${'1\n'.repeat(MAX_BATCH_ROWS + 1)}`, 'batch_too_large'],
  ])('%.20j is refused: %s', (text, reason) => {
    expect(refusalOf(csv(text)).reason).toBe(reason);
  });

  it('loses no row, whatever the cells hold', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', ',', ';', '"', '\n', '\r\n', ' ', 'é', '\t') });
    const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 8 }), (rows) => {
        const text = `one,two\n${rows.map((cells) => cells.map(quoted).join(',')).join('\n')}`;
        const readRows = csv(text);
        expect(readRows).toHaveLength(rows.length);
        readRows.forEach((row, index) => {
          const [one = '', two = ''] = rows[index] ?? [];
          if (row.ok) expect(parametersOf(row)).toEqual({ one, two });
          else expect(`${one}${two}`.trim()).toBe('');
        });
      }),
    );
  });
});

it('never crashes and always answers, whatever body is sent', () => {
  const body = fc.oneof(fc.json(), fc.string(), fc.string({ unit: 'binary' }));
  const contentType = fc.constantFrom(
    'application/json',
    'application/x-ndjson',
    'text/csv',
    'application/x-www-form-urlencoded',
  );
  const rowsAt = fc.constantFrom(null, 'rows', 'a.b[0]', '[', '__proto__');
  fc.assert(
    fc.property(body, contentType, rowsAt, (text, type, path) => {
      const profile = { rowsAt: path };
      expect(read({ body: text, contentType: type }, profile).length).toBeGreaterThan(0);
      expect(batch(text, type, profile).length).toBeGreaterThan(0);
    }),
  );
});
