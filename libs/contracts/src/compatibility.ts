/** Whether two versions of a schema understand each other: Avro's rules of schema resolution, told by the path of each field. */
import { type AvroDefinition, type AvroField, type AvroSchema, isUnion } from './avro-schema.ts';

export const INCOMPATIBILITIES = [
  'field_without_default',
  'type_changed',
  'logical_type_changed',
  'name_changed',
  'symbol_missing',
  'branch_missing',
  'size_changed',
  'ambiguous_alias',
] as const;
export type Incompatibility = (typeof INCOMPATIBILITIES)[number];

export interface CompatibilityProblem {
  /** Where, by field names: `Order.lines[].price`; `[]` is an item, `{}` a value of a map, `(2)` the third branch of a union. */
  readonly path: string;
  readonly code: Incompatibility;
  readonly message: string;
}

/** What a reader of the key's type also reads; string and bytes are the only pair that reads each other. */
const READS: Readonly<Record<string, readonly string[]>> = {
  long: ['int'],
  float: ['int', 'long'],
  double: ['int', 'long', 'float'],
  string: ['bytes'],
  bytes: ['string'],
};
const NAMED = ['record', 'error', 'enum', 'fixed'];

/**
 * Why a reader of `reader` cannot read all that a writer of `writer` may write; empty when it can.
 * A union is read only when each of its branches is: Avro would fail at the first record that takes the wrong one.
 * Beyond Avro, a changed logical type is a problem: the bytes would be read, and mean something else.
 */
export function readingProblems(writer: AvroSchema, reader: AvroSchema): readonly CompatibilityProblem[] {
  const resolution = new Resolution(definitionsIn(writer), definitionsIn(reader));
  return resolution.problems({ schema: writer, namespace: '' }, { schema: reader, namespace: '' }, '');
}

export interface FullProblem extends CompatibilityProblem {
  /** Who cannot read whom. */
  readonly direction: 'new_reads_old' | 'old_reads_new';
}

/** FULL: the new version reads what the old one wrote, and the old one what the new one writes. */
export function fullProblems(older: AvroSchema, newer: AvroSchema): readonly FullProblem[] {
  const backward = readingProblems(older, newer);
  const forward = readingProblems(newer, older);
  return [
    ...backward.map((problem) => ({ ...problem, direction: 'new_reads_old' as const })),
    ...forward.map((problem) => ({ ...problem, direction: 'old_reads_new' as const })),
  ];
}

/** One line for a person: which field, what is wrong, and for whom. */
export function describeProblem({ path, message, direction }: FullProblem): string {
  const who = direction === 'new_reads_old' ? 'the new schema reading old records' : 'old readers';
  return `${path}: ${message} (${who})`;
}

/** A schema and the namespace that its short names belong to. */
interface Located {
  readonly schema: AvroSchema;
  readonly namespace: string;
}

/** A schema with references resolved. */
interface Resolved {
  /** Avro's type, `union` included. */
  readonly kind: string;
  readonly branches: readonly AvroSchema[];
  readonly definition: AvroDefinition;
  readonly fullName: string;
  /** Of what is inside. */
  readonly namespace: string;
}

type Definitions = ReadonlyMap<string, Located>;

class Resolution {
  readonly #writers: Definitions;
  readonly #readers: Definitions;
  /** Pairs of records that are being compared: a recursive schema would never end. */
  readonly #open = new Set<string>();

  constructor(writers: Definitions, readers: Definitions) {
    this.#writers = writers;
    this.#readers = readers;
  }

  problems(writer: Located, reader: Located, path: string): readonly CompatibilityProblem[] {
    const written = resolved(writer, this.#writers);
    const read = resolved(reader, this.#readers);
    if (written.kind === 'union') return this.#ofWrittenUnion(written, reader, path);
    if (read.kind === 'union') return this.#ofReadUnion(writer, written, read, path);
    if (written.kind !== read.kind && !READS[read.kind]?.includes(written.kind)) {
      return problem(path, 'type_changed', `written as ${written.kind}, read as ${read.kind}`);
    }
    const meaning = this.#meaningProblems(written, read, path);
    return meaning.length > 0 ? meaning : this.#ofSameKind(written, read, path);
  }

  #ofWrittenUnion(written: Resolved, reader: Located, path: string): readonly CompatibilityProblem[] {
    return written.branches.flatMap((schema, index) =>
      this.problems({ schema, namespace: written.namespace }, reader, nullable(path, written, index)),
    );
  }

  #ofReadUnion(
    writer: Located,
    written: Resolved,
    read: Resolved,
    path: string,
  ): readonly CompatibilityProblem[] {
    const attempts = read.branches.map((schema) => ({
      schema,
      problems: this.problems(writer, { schema, namespace: read.namespace }, path),
    }));
    if (attempts.some(({ problems }) => problems.length === 0)) return [];
    // A branch that is meant to be the same type says more than that no branch fits.
    const sibling = attempts.find(({ schema }) => {
      const branch = resolved({ schema, namespace: read.namespace }, this.#readers);
      return branch.kind === written.kind && branch.fullName === written.fullName;
    });
    if (sibling !== undefined) return sibling.problems;
    const name = written.fullName || written.kind;
    return problem(path, 'branch_missing', `${name} may be written, and no branch of the reader takes it`);
  }

  #meaningProblems(written: Resolved, read: Resolved, path: string): readonly CompatibilityProblem[] {
    const before = meaningOf(written.definition);
    const after = meaningOf(read.definition);
    if (before === after) return [];
    return problem(path, 'logical_type_changed', `written as ${before}, read as ${after}`);
  }

  #ofSameKind(written: Resolved, read: Resolved, path: string): readonly CompatibilityProblem[] {
    if (NAMED.includes(read.kind)) {
      const names = [
        read.fullName,
        ...(read.definition.aliases ?? []).map((alias) => qualified(alias, read.namespace)),
      ];
      if (!names.includes(written.fullName)) {
        return problem(
          path || read.fullName,
          'name_changed',
          `written as ${written.fullName}, read as ${read.fullName}`,
        );
      }
    }
    switch (read.kind) {
      case 'record':
      case 'error':
        return this.#ofRecords(written, read, path || shortName(read.fullName));
      case 'enum':
        return symbolProblems(written.definition, read.definition, path);
      case 'fixed':
        return written.definition.size === read.definition.size
          ? []
          : problem(
              path,
              'size_changed',
              `${written.definition.size} bytes written, ${read.definition.size} read`,
            );
      case 'array':
        return this.problems(
          inside(written, written.definition.items),
          inside(read, read.definition.items),
          `${path}[]`,
        );
      case 'map':
        return this.problems(
          inside(written, written.definition.values),
          inside(read, read.definition.values),
          `${path}{}`,
        );
      default:
        return [];
    }
  }

  #ofRecords(written: Resolved, read: Resolved, path: string): readonly CompatibilityProblem[] {
    const pair = `${written.fullName} ${read.fullName}`;
    if (this.#open.has(pair)) return [];
    this.#open.add(pair);
    const fields = read.definition.fields ?? [];
    const problems = fields.flatMap((field) => this.#ofField(field, written, read, `${path}.${field.name}`));
    this.#open.delete(pair);
    return problems;
  }

  #ofField(
    field: AvroField,
    written: Resolved,
    read: Resolved,
    path: string,
  ): readonly CompatibilityProblem[] {
    const names = [field.name, ...(field.aliases ?? [])];
    const sources = (written.definition.fields ?? []).filter(({ name }) => names.includes(name));
    const [source, ...others] = sources;
    if (others.length > 0) {
      return problem(
        path,
        'ambiguous_alias',
        `several written fields fit: ${sources.map(({ name }) => name).join(', ')}`,
      );
    }
    if (source !== undefined)
      return this.problems(inside(written, source.type), inside(read, field.type), path);
    if (field.default !== undefined) return [];
    return problem(path, 'field_without_default', 'not written, and its reader has no default for it');
  }
}

function symbolProblems(
  written: AvroDefinition,
  read: AvroDefinition,
  path: string,
): readonly CompatibilityProblem[] {
  if (read.default !== undefined) return [];
  const missing = (written.symbols ?? []).filter((symbol) => !read.symbols?.includes(symbol));
  if (missing.length === 0) return [];
  return problem(
    path,
    'symbol_missing',
    `${missing.join(', ')} may be written, and its reader knows no such symbol`,
  );
}

function problem(path: string, code: Incompatibility, message: string): readonly [CompatibilityProblem] {
  return [{ path, code, message }];
}

/** The branch in the path, save where the union only says that a value may be missing. */
function nullable(path: string, union: Resolved, index: number): string {
  const others = union.branches.filter((branch) => branch !== 'null');
  return others.length < 2 ? path : `${path}(${index})`;
}

function meaningOf({ logicalType, precision, scale }: AvroDefinition): string {
  if (logicalType === undefined) return 'no logical type';
  return logicalType === 'decimal' ? `decimal(${precision}, ${scale ?? 0})` : logicalType;
}

function inside({ namespace }: Resolved, schema: AvroSchema = 'null'): Located {
  return { schema, namespace };
}

function resolved({ schema, namespace }: Located, definitions: Definitions): Resolved {
  if (isUnion(schema)) {
    return { kind: 'union', branches: schema, definition: { type: 'union' }, fullName: '', namespace };
  }
  if (typeof schema === 'string') {
    const named = definitions.get(qualified(schema, namespace)) ?? definitions.get(schema);
    if (named !== undefined) return resolved(named, definitions);
    return { kind: schema, branches: [], definition: { type: schema }, fullName: '', namespace };
  }
  const { type } = schema;
  if (typeof type !== 'string') return resolved({ schema: type, namespace }, definitions);
  if (!NAMED.includes(type)) {
    const named = definitions.get(qualified(type, namespace));
    if (named !== undefined) return resolved(named, definitions);
    return { kind: type, branches: [], definition: schema, fullName: '', namespace };
  }
  const fullName = fullNameOf(schema, namespace);
  return { kind: type, branches: [], definition: schema, fullName, namespace: namespaceOf(fullName) };
}

/** Every named type of a schema by its full name. */
function definitionsIn(root: AvroSchema): Definitions {
  const definitions = new Map<string, Located>();
  collect({ schema: root, namespace: '' }, definitions);
  return definitions;
}

function collect({ schema, namespace }: Located, definitions: Map<string, Located>): void {
  if (typeof schema === 'string') return;
  if (isUnion(schema)) {
    for (const branch of schema) collect({ schema: branch, namespace }, definitions);
    return;
  }
  let inner = namespace;
  if (typeof schema.type !== 'string') collect({ schema: schema.type, namespace }, definitions);
  else if (NAMED.includes(schema.type)) {
    const fullName = fullNameOf(schema, namespace);
    definitions.set(fullName, { schema, namespace });
    inner = namespaceOf(fullName);
  }
  for (const { type } of schema.fields ?? []) collect({ schema: type, namespace: inner }, definitions);
  for (const part of [schema.items, schema.values]) {
    if (part !== undefined) collect({ schema: part, namespace: inner }, definitions);
  }
}

function fullNameOf({ name = '', namespace: own }: AvroDefinition, enclosing: string): string {
  return name.includes('.') ? name : qualified(name, own ?? enclosing);
}

function qualified(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}

function namespaceOf(fullName: string): string {
  return fullName.includes('.') ? fullName.slice(0, fullName.lastIndexOf('.')) : '';
}

function shortName(fullName: string): string {
  return fullName.slice(fullName.lastIndexOf('.') + 1);
}
