/** The compatibility checker: each rule by example, and its verdict against what avsc really reads. */
import avro from 'avsc';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AvroDefinition, AvroField, AvroSchema } from './avro-schema.ts';
import { describeProblem, fullProblems, type Incompatibility, readingProblems } from './compatibility.ts';

const record = (fields: readonly AvroField[], name = 'Order'): AvroDefinition => ({
  type: 'record',
  name,
  namespace: 'x.v1',
  fields,
});
const field = (name: string, type: AvroSchema): AvroField => ({ name, type });
const optional = (name: string, type: AvroSchema): AvroField => ({
  name,
  type: ['null', type],
  default: null,
});
const colour = (symbols: readonly string[], standard?: string): AvroDefinition => ({
  type: 'enum',
  name: 'Colour',
  symbols,
  ...(standard !== undefined && { default: standard }),
});
const long = (logicalType?: string): AvroDefinition => ({
  type: 'long',
  ...(logicalType && { logicalType }),
});
const id = field('id', 'string');

describe('versions that understand each other', () => {
  const cases: readonly [string, AvroDefinition, AvroDefinition][] = [
    ['the same', record([id]), record([id])],
    ['another order of fields', record([id, optional('a', 'int')]), record([optional('a', 'int'), id])],
    ['a field with a default added', record([id]), record([id, optional('note', 'string')])],
    ['a field with a default removed', record([id, optional('note', 'string')]), record([id])],
    ['another doc', record([id]), record([{ ...id, doc: 'new words' }])],
    [
      'a symbol added where readers have a default',
      record([field('c', colour(['red', 'other'], 'other'))]),
      record([field('c', colour(['red', 'green', 'other'], 'other'))]),
    ],
    ['text and bytes, which read each other', record([field('a', 'string')]), record([field('a', 'bytes')])],
    [
      'a named type written out or by reference',
      record([field('a', colour(['red'])), field('b', 'Colour')]),
      record([field('a', colour(['red'])), field('b', 'x.v1.Colour')]),
    ],
    [
      'a recursive record',
      record([id, optional('parent', 'Order')]),
      record([id, optional('parent', 'x.v1.Order'), optional('note', 'string')]),
    ],
  ];
  it.each(cases)('%s', (_name, older, newer) => {
    expect(fullProblems(older, newer)).toEqual([]);
    expect(fullProblems(newer, older)).toEqual([]);
  });
});

describe('versions that do not', () => {
  const line = (fields: readonly AvroField[]) =>
    field('lines', { type: 'array', items: record(fields, 'Line') });
  type Case = readonly [
    name: string,
    older: AvroDefinition,
    newer: AvroDefinition,
    path: string,
    code: Incompatibility,
    direction: string,
  ];
  const cases: readonly Case[] = [
    [
      'a required field added',
      record([id]),
      record([id, field('sum', 'int')]),
      'Order.sum',
      'field_without_default',
      'new_reads_old',
    ],
    [
      'a required field removed',
      record([id, field('sum', 'int')]),
      record([id]),
      'Order.sum',
      'field_without_default',
      'old_reads_new',
    ],
    [
      'a field renamed',
      record([id]),
      record([{ name: 'key', type: 'string', aliases: ['id'] }]),
      'Order.id',
      'field_without_default',
      'old_reads_new',
    ],
    [
      'a type changed',
      record([id]),
      record([field('id', 'boolean')]),
      'Order.id',
      'type_changed',
      'new_reads_old',
    ],
    [
      'a promotion, which works one way only',
      record([field('n', 'int')]),
      record([field('n', 'double')]),
      'Order.n',
      'type_changed',
      'old_reads_new',
    ],
    [
      'money that becomes a plain number',
      record([field('n', long('money-micros'))]),
      record([field('n', long())]),
      'Order.n',
      'logical_type_changed',
      'new_reads_old',
    ],
    [
      'an instant that becomes an offset, in a union',
      record([optional('n', long('timestamp-millis'))]),
      record([optional('n', long('kafka-offset'))]),
      'Order.n',
      'logical_type_changed',
      'old_reads_new',
    ],
    [
      'a decimal of another scale',
      record([field('n', { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 })]),
      record([field('n', { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 3 })]),
      'Order.n',
      'logical_type_changed',
      'new_reads_old',
    ],
    [
      'a symbol added',
      record([field('c', colour(['red']))]),
      record([field('c', colour(['red', 'green']))]),
      'Order.c',
      'symbol_missing',
      'old_reads_new',
    ],
    [
      'a symbol removed',
      record([field('c', colour(['red', 'green']))]),
      record([field('c', colour(['red']))]),
      'Order.c',
      'symbol_missing',
      'new_reads_old',
    ],
    [
      'a value that may be missing from now on',
      record([id]),
      record([optional('id', 'string')]),
      'Order.id',
      'type_changed',
      'old_reads_new',
    ],
    [
      'a branch added',
      record([field('v', ['null', 'string'])]),
      record([field('v', ['null', 'string', 'int'])]),
      'Order.v(2)',
      'branch_missing',
      'old_reads_new',
    ],
    [
      'items of another type, deep down',
      record([line([field('price', long('money-micros'))])]),
      record([line([field('price', 'string')])]),
      'Order.lines[].price',
      'type_changed',
      'new_reads_old',
    ],
    [
      'values of a map',
      record([field('m', { type: 'map', values: 'string' })]),
      record([field('m', { type: 'map', values: 'int' })]),
      'Order.m{}',
      'type_changed',
      'new_reads_old',
    ],
    [
      'a fixed of another size',
      record([field('f', { type: 'fixed', name: 'Hash', size: 16 })]),
      record([field('f', { type: 'fixed', name: 'Hash', size: 32 })]),
      'Order.f',
      'size_changed',
      'new_reads_old',
    ],
    [
      'a named type renamed',
      record([field('c', colour(['red']))]),
      record([field('c', { ...colour(['red']), name: 'Paint' })]),
      'Order.c',
      'name_changed',
      'new_reads_old',
    ],
    [
      'a named type renamed with an alias, which old readers do not know',
      record([field('c', colour(['red']))]),
      record([field('c', { ...colour(['red']), name: 'Paint', aliases: ['Colour'] })]),
      'Order.c',
      'name_changed',
      'old_reads_new',
    ],
    [
      'another namespace',
      record([id]),
      { ...record([id]), namespace: 'x.v2' },
      'x.v1.Order',
      'name_changed',
      'old_reads_new',
    ],
    [
      'an alias that fits two fields',
      record([id, field('key', 'string')]),
      record([{ ...id, aliases: ['key'] }, field('key', 'string')]),
      'Order.id',
      'ambiguous_alias',
      'new_reads_old',
    ],
  ];
  it.each(cases)('%s', (_name, older, newer, path, code, direction) => {
    expect(fullProblems(older, newer)).toContainEqual({
      path,
      code,
      direction,
      message: expect.stringMatching(/./),
    });
  });

  it('are described with the field and who is hurt', () => {
    const [problem] = fullProblems(record([id]), record([id, field('sum', 'int')]));
    expect(problem && describeProblem(problem)).toBe(
      'Order.sum: not written, and its reader has no default for it (the new schema reading old records)',
    );
  });
});

describe('the verdict', () => {
  const PRIMITIVES = ['null', 'boolean', 'int', 'long', 'float', 'double', 'string', 'bytes'];
  /** What one side may be at a place; names carry the place, so that no name is defined twice. */
  const typeAt = (place: string, depth: number): fc.Arbitrary<AvroSchema> => {
    const symbols = fc.subarray(['a', 'b', 'c'], { minLength: 1 });
    const leaves: fc.Arbitrary<AvroSchema>[] = [
      fc.constantFrom(...PRIMITIVES),
      fc.tuple(symbols, fc.boolean()).map(([symbols, hasDefault]) => ({
        type: 'enum',
        name: `E${place}`,
        symbols,
        ...(hasDefault && { default: symbols[0] }),
      })),
      fc.constantFrom(2, 4).map((size) => ({ type: 'fixed', name: `F${place}`, size })),
      fc.constant({ type: 'fixed', name: `G${place}`, size: 2, aliases: [`F${place}`] }),
    ];
    if (depth === 0) return fc.oneof(...leaves);
    return fc.oneof(
      ...leaves,
      typeAt(`${place}i`, depth - 1).map((items) => ({ type: 'array', items })),
      typeAt(`${place}v`, depth - 1).map((values) => ({ type: 'map', values })),
      fc.subarray(['null', 'int', 'double', 'string', 'bytes'], { minLength: 1 }),
      recordAt(`${place}r`, depth - 1),
    );
  };
  const recordAt = (place: string, depth: number): fc.Arbitrary<AvroDefinition> =>
    fc
      .tuple(
        ...['a', 'b', 'c'].map((name) =>
          fc
            .record({
              isThere: fc.integer({ min: 0, max: 3 }).map((n) => n > 0),
              type: typeAt(`${place}${name}`, depth),
              isOptional: fc.boolean(),
              isAliased: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
            })
            .map((drawn) => ({ name, ...drawn })),
        ),
      )
      .map((drawn) => ({
        type: 'record',
        name: `R${place}`,
        fields: drawn
          .filter(({ isThere }) => isThere)
          .map(({ name, type, isOptional, isAliased }) => ({
            name,
            ...(isOptional && !Array.isArray(type) && type !== 'null'
              ? { type: ['null', type], default: null }
              : { type }),
            ...(isAliased && { aliases: ['b'].filter((alias) => alias !== name) }),
          })),
      }));
  /** Mostly the same place on both sides: two schemas drawn apart are hardly ever compatible. */
  const pairs = recordAt('', 2).chain((writer) =>
    fc.oneof(
      { weight: 1, arbitrary: recordAt('', 2).map((reader) => ({ writer, reader })) },
      {
        weight: 3,
        arbitrary: fc
          .tuple(recordAt('', 1), fc.subarray([0, 1, 2]), fc.subarray([0, 1, 2]))
          .map(([other, replaced, dropped]) => ({
            writer,
            reader: {
              ...writer,
              fields: (writer.fields ?? []).flatMap((field, index) => {
                if (dropped.includes(index) && replaced.includes(index)) return [];
                const substitute = other.fields?.find(({ name }) => name === field.name);
                return replaced.includes(index) && substitute !== undefined ? [substitute] : [field];
              }),
            },
          })),
      },
    ),
  );

  it('is what avsc says and does', () => {
    let compatible = 0;
    let incompatible = 0;
    fc.assert(
      fc.property(pairs, ({ writer, reader }) => {
        const problems = readingProblems(writer, reader);
        const writing = avro.Type.forSchema(writer as avro.Schema, { wrapUnions: true });
        const reading = avro.Type.forSchema(reader as avro.Schema, { wrapUnions: true });
        let resolver: avro.Type | null = null;
        try {
          resolver = reading.createResolver(writing) as avro.Type;
        } catch {
          incompatible += 1;
        }
        expect(problems.map(({ path, code }) => `${path} ${code}`).length === 0).toBe(resolver !== null);
        if (resolver === null) return;
        compatible += 1;
        for (let round = 0; round < 5; round++) {
          const value = reading.fromBuffer(writing.toBuffer(writing.random()), resolver as never);
          expect(reading.isValid(value)).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
    expect(Math.min(compatible, incompatible)).toBeGreaterThan(200);
  });
});
