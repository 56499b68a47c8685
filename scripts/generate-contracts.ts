/** Writes libs/contracts/src/generated/ and the lock file of schema ids from schemas/*.avsc; `--check` only tells whether they are stale. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

interface AvroField {
  readonly name: string;
  readonly type: AvroSchema;
  readonly doc?: string;
}
type AvroSchema = string | readonly AvroSchema[] | AvroDefinition;
interface AvroDefinition {
  readonly type: string;
  readonly name?: string;
  readonly doc?: string;
  readonly logicalType?: string;
  readonly fields?: readonly AvroField[];
  readonly symbols?: readonly string[];
  readonly items?: AvroSchema;
  readonly values?: AvroSchema;
}
interface LockedVersion {
  readonly version: number;
  readonly id: number;
  readonly schema: AvroDefinition;
}
type Lock = Record<string, readonly LockedVersion[]>;

const root = join(import.meta.dirname, '..');
const schemasFolder = join(root, 'schemas');
const lockFile = join(schemasFolder, 'schema-ids.lock.json');
const generatedFile = join(root, 'libs/contracts/src/generated/events.ts');

const PRIMITIVES: Record<string, string> = {
  string: 'string',
  boolean: 'boolean',
  int: 'number',
  bytes: 'Buffer',
  null: 'null',
};
// A long without one of these meanings is refused: money must decode to bigint, instants and offsets fit a number.
const LONGS: Record<string, string> = {
  'timestamp-millis': 'number',
  'kafka-offset': 'number',
  'money-micros': 'bigint',
};

/** TypeScript for one Avro type; named types met on the way are added to `declarations` once. */
function typescriptOf(schema: AvroSchema, declarations: Map<string, string>): string {
  if (typeof schema === 'string') return PRIMITIVES[schema] ?? schema;
  if (isUnion(schema)) return schema.map((branch) => typescriptOf(branch, declarations)).join(' | ');
  switch (schema.type) {
    case 'record':
      return declareRecord(schema, declarations);
    case 'enum':
      return declareEnum(schema, declarations);
    case 'array':
      return `readonly ${typescriptOf(schema.items ?? 'null', declarations)}[]`;
    case 'map':
      return `Readonly<Record<string, ${typescriptOf(schema.values ?? 'null', declarations)}>>`;
    case 'long': {
      const meaning = LONGS[schema.logicalType ?? ''];
      if (meaning === undefined) throw new Error(`a long needs one of: ${Object.keys(LONGS).join(', ')}`);
      return meaning;
    }
    default:
      return PRIMITIVES[schema.type] ?? schema.type;
  }
}

function isUnion(schema: AvroSchema): schema is readonly AvroSchema[] {
  return Array.isArray(schema);
}

function declareRecord(schema: AvroDefinition, declarations: Map<string, string>): string {
  const name = schema.name ?? '';
  const fields = (schema.fields ?? []).map(
    (field) =>
      `  /** ${field.doc ?? ''} */\n  readonly ${field.name}: ${typescriptOf(field.type, declarations)};`,
  );
  return declare(
    name,
    `/** ${schema.doc ?? ''} */\nexport interface ${name} {\n${fields.join('\n')}\n}`,
    declarations,
  );
}

function declareEnum(schema: AvroDefinition, declarations: Map<string, string>): string {
  const name = schema.name ?? '';
  const symbols = (schema.symbols ?? []).map((symbol) => `'${symbol}'`).join(' | ');
  return declare(name, `export type ${name} = ${symbols};`, declarations);
}

function declare(name: string, text: string, declarations: Map<string, string>): string {
  const known = declarations.get(name);
  if (known !== undefined && known !== text) throw new Error(`two different Avro types are called ${name}`);
  declarations.set(name, text);
  return name;
}

/** Keeps every id ever given; a changed schema becomes a new version with the next id. */
function nextLock(lock: Lock, current: ReadonlyMap<string, AvroDefinition>): Lock {
  const result: Record<string, readonly LockedVersion[]> = { ...lock };
  let lastId = Math.max(0, ...Object.values(lock).flatMap((versions) => versions.map(({ id }) => id)));
  for (const [name, schema] of current) {
    const versions = result[name] ?? [];
    const latest = versions.at(-1);
    if (latest !== undefined && JSON.stringify(latest.schema) === JSON.stringify(schema)) continue;
    lastId += 1;
    result[name] = [...versions, { version: versions.length + 1, id: lastId, schema }];
  }
  return result;
}

function generatedSource(lock: Lock, current: ReadonlyMap<string, AvroDefinition>): string {
  const declarations = new Map<string, string>();
  const events = [...current].map(([name, schema]) => `  '${name}': ${typescriptOf(schema, declarations)};`);
  return [
    '/** Generated from schemas/*.avsc by `npm run generate`; not edited by hand. */',
    ...declarations.values(),
    `/** Event type by schema name. */\nexport interface EventBySchema {\n${events.join('\n')}\n}`,
    `/** Every version of every schema with its id, as locked in schemas/schema-ids.lock.json. */\nexport const LOCKED_SCHEMAS: Readonly<Record<string, readonly { version: number; id: number; schema: object }[]>> = ${JSON.stringify(lock)};`,
    '',
  ].join('\n\n');
}

const current = new Map<string, AvroDefinition>(
  readdirSync(schemasFolder)
    .filter((file) => file.endsWith('.avsc'))
    .sort()
    .map((file) => [
      file.replace(/\.avsc$/, ''),
      JSON.parse(readFileSync(join(schemasFolder, file), 'utf8')),
    ]),
);
const lock = nextLock(JSON.parse(readFileSync(lockFile, { encoding: 'utf8', flag: 'a+' }) || '{}'), current);
const outputs: readonly (readonly [string, string])[] = [
  [lockFile, `${JSON.stringify(lock, null, 2)}\n`],
  [generatedFile, generatedSource(lock, current)],
];
const stale = outputs.filter(([file, text]) => readFileSync(file, { encoding: 'utf8', flag: 'a+' }) !== text);
if (process.argv.includes('--check')) {
  for (const [file] of stale) console.error(`${file} is stale: run npm run generate`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const [file, text] of stale) writeFileSync(file, text);
}
