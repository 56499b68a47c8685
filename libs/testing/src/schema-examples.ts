/** The examples of schemas/*.avsc, which are JSON, as the events they stand for. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type AvroDefinition, type AvroSchema, isUnion } from '@tributary/contracts';

export const SCHEMAS_FOLDER = join(resolve(import.meta.dirname, '../../..'), 'schemas');

/** The example of a schema as an event: money as bigint, bytes as Buffer. */
export function exampleEvent(schema: string): unknown {
  const text = readFileSync(join(SCHEMAS_FOLDER, `${schema}.avsc`), 'utf8');
  const definition = JSON.parse(text) as AvroDefinition & { readonly example: unknown };
  return eventValue(definition, definition.example);
}

function eventValue(schema: AvroSchema, value: unknown): unknown {
  if (isUnion(schema)) {
    const [branch] = schema.filter((each) => each !== 'null');
    return value === null || branch === undefined ? null : eventValue(branch, value);
  }
  const definition = typeof schema === 'string' ? { type: schema } : schema;
  switch (definition.type) {
    case 'record':
      return recordValue(definition, value as Readonly<Record<string, unknown>>);
    case 'array':
      return (value as unknown[]).map((item) => eventValue(definition.items ?? 'null', item));
    case 'map':
      return mapValues(value as object, (each) => eventValue(definition.values ?? 'null', each));
    case 'bytes':
      return Buffer.from(value as string, 'base64');
    case 'long':
      return definition.logicalType === 'money-micros' ? BigInt(value as string) : value;
    default:
      return value;
  }
}

/** Fields that the schema does not have are kept: that an event has one too many is for the test to see. */
function recordValue(definition: AvroDefinition, value: Readonly<Record<string, unknown>>): object {
  const types = new Map((definition.fields ?? []).map(({ name, type }) => [name, type]));
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, eventValue(types.get(name) ?? 'string', each)]),
  );
}

function mapValues(map: object, change: (value: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, change(value)]));
}
