/** Paths into calls: literal names first, JSON and bracketed form keys as one tree, own members only. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CallTree,
  compilePath,
  leavesOf,
  MAX_PARAMETER_DEPTH,
  type Parameters,
  parametersOfJson,
  pathPattern,
  rowsAtPath,
} from './parameters.ts';

function treeOf(document: unknown): Parameters {
  const read = parametersOfJson(document);
  if (!read.ok) throw new Error(read.refusal.reason);
  return read.parameters;
}

const textAt = (document: unknown, path: string) => new CallTree(treeOf(document)).text(compilePath(path));

describe('a path', () => {
  it.each<[object, string, string | undefined]>([
    [{ x: '1' }, 'x', '1'],
    [{ X: '1' }, 'x', undefined],
    [{ 'order.total': 'literal', order: { total: 'inner' } }, 'order.total', 'literal'],
    [{ order: { total: '5' } }, 'order.total', '5'],
    [{ order: { total: '5' } }, 'order[total]', '5'],
    [{ 'data[click_id]': 'a' }, 'data[click_id]', 'a'],
    [{ 'data[click_id]': 'a' }, 'data.click_id', 'a'],
    [{ 'a[b][c]': 'x', 'a[b][d]': 'y' }, 'a.b.d', 'y'],
    [{ 'a[b]': 'text', 'a[b][c]': 'member' }, 'a.b.c', 'member'],
    [{ a: { b: '1' }, 'a[c]': '2' }, 'a.c', '2'],
    [{ items: [{ price: '1' }, { price: '2' }] }, 'items[1].price', '2'],
    [{ items: ['a', null, 'c'] }, 'items[2]', 'c'],
    [{ items: ['a'] }, 'items[1]', undefined],
    [{ items: { 0: 'zero' } }, 'items[0]', 'zero'],
    [{ 'items[0][price]': '1' }, 'items[0].price', '1'],
    [{ params: [{ name: 'a' }, { name: 'b', value: '2' }] }, 'params[name=b].value', '2'],
    [{ params: [{ name: 'b' }, { name: 'b', value: '2' }] }, 'params[name=b].value', undefined],
    [{ 'params[0][name]': 'b', 'params[0][value]': '2' }, 'params[name=b].value', '2'],
    [{ params: [{ name: 'a=b', value: '1' }] }, 'params[name=a=b].value', '1'],
    [{ json: '{"a":{"b":12.50}}' }, 'json.a.b', '12.5'],
    [{ json: ' [{"id":9007199254740993}]' }, 'json[0].id', '9007199254740993'],
    [{ outer: { inner: '{"a":"{\\"b\\":1}"}' } }, 'outer.inner.a.b', '1'],
    [{ json: '{broken' }, 'json.a', undefined],
    [{ json: '{"a":1}' }, 'json', '{"a":1}'],
    [{ a: { b: { c: '1' } } }, 'a.b', undefined],
    [{ a: '1' }, 'a.b', undefined],
    [{ a: { b: null } }, 'a.b', undefined],
    [{ a: { 'b.c': '1' } }, 'a[b.c]', '1'],
  ])('in %j: %s is %s', (document, path, text) => {
    expect(textAt(document, path)).toBe(text);
  });

  it.each([
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'a.__proto__',
    'a.constructor.name',
    'l.length',
    'l[length]',
    'l[at].name',
    'size',
    'a.size',
  ])('%s reaches own members only', (path) => {
    expect(textAt({ a: { x: '1' }, l: ['1'] }, path)).toBeUndefined();
  });

  it('takes the names of prototypes for names like any other', () => {
    const document = JSON.parse('{"__proto__":"x","a":{"__proto__":{"b":"y"}}}') as object;
    expect(textAt(document, '__proto__')).toBe('x');
    expect(textAt(document, 'a.__proto__.b')).toBe('y');
    expect(textAt({ 'a[__proto__][b]': 'z' }, 'a.__proto__.b')).toBe('z');
    expect(Object.prototype).not.toHaveProperty('b');
  });

  it.each(['', '.', 'a.', '.a', 'a..b', 'a[', 'a[b', 'a[]', 'a[b]c', '[a]', 'a]b', ' '])(
    '%j is a literal name and nothing else',
    (path) => {
      expect(compilePath(path).segments).toBeNull();
      expect(textAt({ [path]: 'literal' }, path)).toBe('literal');
      expect(textAt({ a: { b: '1', '': '2' } }, path)).toBeUndefined();
    },
  );

  it('refuses JSON within a text that is too deep or too large, under the name of the path', () => {
    const deep = `${'{"a":'.repeat(17)}1${'}'.repeat(17)}`;
    const wide = `[${Array(501).fill(1).join(',')}]`;
    for (const [json, reason] of [
      [deep, 'nesting_too_deep'],
      [wide, 'parameters_too_many'],
    ])
      expect(() => textAt({ json }, 'json.a.b')).toThrowError(reason);
  });

  it('never crashes, whatever the path and the call', () => {
    const path = fc.string({ unit: fc.constantFrom('a', 'b', '0', '.', '[', ']', '=', '{', '"', ' ') });
    const document = fc.dictionary(fc.oneof(path, fc.string()), fc.jsonValue());
    fc.assert(
      fc.property(document, path, (given, sent) => {
        const read = parametersOfJson(given);
        if (!read.ok) return;
        const compiled = compilePath(sent);
        expect(['string', 'undefined']).toContain(typeof new CallTree(read.parameters).text(compiled));
        expect(rowsAtPath(read.parameters, compiled, [compilePath('a')])).toBeDefined();
      }),
    );
  });

  it('finds every leaf under the path that leavesOf gives it', () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 3 });
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        fc.string(),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(name, tie('tree'), { maxKeys: 3 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(name, tree), (document) => {
        const read = parametersOfJson(document);
        fc.pre(read.ok);
        if (!read.ok) return;
        const calls = new CallTree(read.parameters);
        for (const { path, value } of leavesOf(read.parameters))
          expect(calls.text(compilePath(path))).toBe(value);
      }),
    );
  });
});

describe('a pattern', () => {
  it.each([
    ['customer.email', 'customer[email]'],
    ['params[3].value', 'params[name=email].value'],
    ['Customer.Email', 'customer.email'],
  ])('%s and %s are the same', (one, other) => {
    expect(pathPattern(one)).toBe(pathPattern(other));
  });
});

describe('a tree', () => {
  it('has 16 levels at most', () => {
    const deep = (levels: number): unknown => (levels === 0 ? 'x' : { a: deep(levels - 1) });
    expect(parametersOfJson(deep(MAX_PARAMETER_DEPTH)).ok).toBe(true);
    expect(parametersOfJson(deep(MAX_PARAMETER_DEPTH + 1))).toMatchObject({
      refusal: { reason: 'nesting_too_deep' },
    });
  });

  it.each([null, 'x', 7, [], [{}]])('%j is none', (document) => {
    expect(parametersOfJson(document)).toMatchObject({ refusal: { reason: 'body_malformed' } });
  });
});
