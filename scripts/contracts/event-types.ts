/** Writes TypeScript for the events of the schemas. */
import { type AvroDefinition, type AvroSchema, isUnion } from '../../libs/contracts/src/avro-schema.ts';
import type { Lock, SchemaFile } from './schema-files.ts';

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
      return typescriptOf(schema.type, declarations);
  }
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

/** The source of libs/contracts/src/generated/events.ts. */
export function eventTypesSource(lock: Lock, current: ReadonlyMap<string, SchemaFile>): string {
  const declarations = new Map<string, string>();
  const events = [...current].map(
    ([name, { contract }]) => `  '${name}': ${typescriptOf(contract, declarations)};`,
  );
  return [
    '/** Generated from schemas/*.avsc by `npm run generate`; not edited by hand. */',
    ...declarations.values(),
    `/** Event type by schema name. */\nexport interface EventBySchema {\n${events.join('\n')}\n}`,
    `/** Every version of every schema with its id, as locked in schemas/schema-ids.lock.json. */\nexport const LOCKED_SCHEMAS: Readonly<Record<string, readonly { version: number; id: number; schema: object }[]>> = ${JSON.stringify(lock)};`,
    '',
  ].join('\n\n');
}
