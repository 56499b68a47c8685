/** JSON text: the same as JSON.stringify but for exact numbers. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExactNumber, jsonText, parseJson } from './json-text.ts';

describe('jsonText', () => {
  it('writes what JSON.stringify writes', () => {
    const value = { a: 1, b: 'x"\n', c: [true, null, { d: undefined, e: {} }], f: undefined, 'g"': [] };
    expect(jsonText(value)).toBe(JSON.stringify(value));
  });

  it('reads back as it was, whatever the keys and texts', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean())), (value) => {
        expect(jsonText(value)).toBe(JSON.stringify(value));
      }),
    );
  });

  it('writes a lone surrogate as U+FFFD', () => {
    expect(jsonText({ a: 'x\ud800' })).toBe('{"a":"x\ufffd"}');
  });
});

describe('ExactNumber', () => {
  it.each(['', '01', '.5', '5.', '1e3', 'NaN', '1,5', '--1', '1}'])('refuses %j', (digits) => {
    expect(() => new ExactNumber(digits)).toThrow(RangeError);
  });
});

describe('parseJson', () => {
  it.each([
    ['{"a":1}', { a: 1 }],
    ['null', null],
    ['', undefined],
    ['<html>', undefined],
  ])('%j is %j', (text, value) => {
    expect(parseJson(text)).toEqual(value);
  });
});
