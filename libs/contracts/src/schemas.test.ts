/** The schema files: documented to the last field, owned by the writer of their topics, with an example that works. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exampleEvent, SCHEMAS_FOLDER } from '@tributary/testing';
import { describe, expect, it } from 'vitest';
import { type AvroDefinition, type AvroSchema, isUnion } from './avro-schema.ts';
import { decodeEvent, type EventOf, encodeEvent } from './codec.ts';
import { LOCKED_SCHEMAS } from './generated/events.ts';
import { TOPIC_NAMES, TOPICS, type TopicName } from './topics.ts';

const SCHEMAS = readdirSync(SCHEMAS_FOLDER)
  .filter((file) => file.endsWith('.avsc'))
  .map((file) => file.replace(/\.avsc$/, ''));

interface SchemaDocument extends AvroDefinition {
  readonly owner?: string;
  readonly example?: Readonly<Record<string, unknown>>;
}

function documentOf(schema: string): SchemaDocument {
  return JSON.parse(readFileSync(join(SCHEMAS_FOLDER, `${schema}.avsc`), 'utf8'));
}

/** Every record in a schema, by its path. */
function recordsIn(schema: AvroSchema, path: string): readonly (readonly [string, AvroDefinition])[] {
  if (typeof schema === 'string') return [];
  if (isUnion(schema)) return schema.flatMap((branch) => recordsIn(branch, path));
  const inner = (schema.fields ?? []).flatMap(({ name, type }) => recordsIn(type, `${path}.${name}`));
  const parts = [schema.items, schema.values].flatMap((part) => (part ? recordsIn(part, path) : []));
  return [...(schema.type === 'record' ? [[path, schema] as const] : []), ...inner, ...parts];
}

function topicsOf(schema: string): readonly TopicName[] {
  return TOPIC_NAMES.filter((topic) => TOPICS[topic].schema === schema);
}

it('there is a schema for every topic and a topic for every schema', () => {
  const used = new Set<string>(TOPIC_NAMES.map((topic) => TOPICS[topic].schema));
  expect([...used].toSorted()).toEqual(SCHEMAS.toSorted());
});

describe.each(SCHEMAS)('%s', (schema) => {
  const document = documentOf(schema);
  const [topic] = topicsOf(schema);

  it('says what it is and what each field means', () => {
    const undocumented = recordsIn(document, document.name ?? '').flatMap(([path, record]) => [
      ...(record.doc ? [] : [path]),
      ...(record.fields ?? []).filter(({ doc }) => !doc).map(({ name }) => `${path}.${name}`),
    ]);
    expect(undocumented).toEqual([]);
  });

  it('is owned by the writer of its topics', () => {
    const writers = topicsOf(schema).map((each) => TOPICS[each].writer);
    expect(new Set(writers)).toEqual(new Set([document.owner]));
  });

  it('has an example that names every field, and survives the wire', () => {
    if (topic === undefined) throw new Error('no topic');
    const fields = (document.fields ?? []).map(({ name }) => name);
    expect(Object.keys(document.example ?? {})).toEqual(fields);
    const event = exampleEvent(schema) as EventOf<typeof topic>;
    const wire = encodeEvent(topic, event);
    expect(decodeEvent(topic, wire)).toEqual({ ok: true, value: event });
  });

  it('writes the money of its example as decimal text', () => {
    const amounts = Object.entries(document.example ?? {}).filter(
      ([name, value]) => name.endsWith('Micros') && value !== null,
    );
    for (const [, value] of amounts) expect(value).toMatch(/^-?\d+$/);
  });

  it('is locked without what is only documentation', () => {
    for (const { schema: locked } of LOCKED_SCHEMAS[schema] ?? []) {
      expect(Object.keys(locked)).toEqual(['type', 'name', 'namespace', 'doc', 'fields']);
    }
  });
});

it('the example of a waiting delivery carries a decision that decodes', () => {
  const { decision } = exampleEvent('delivery.due.v1') as EventOf<'delivery.due.1s.v1'>;
  expect(decodeEvent('conversion.decided.v1', decision)).toEqual({
    ok: true,
    value: exampleEvent('conversion.decided.v1'),
  });
});

it('ids are given once and never again', () => {
  const ids = Object.values(LOCKED_SCHEMAS).flatMap((versions) => versions.map(({ id }) => id));
  expect(new Set(ids).size).toBe(ids.length);
  // Records under these ids exist: whoever changes one of them makes those records unreadable.
  expect(Object.entries(LOCKED_SCHEMAS).map(([name, [first]]) => [name, first?.id])).toEqual([
    ['click.recorded.v1', 1],
    ['configuration.changed.v1', 2],
    ['conversion.decided.v1', 3],
    ['dead-letter.v1', 4],
    ['delivery.attempted.v1', 5],
    ['delivery.due.v1', 6],
    ['postback.judged.v1', 7],
    ['postback.received.v1', 8],
    ['postback.refused.v1', 9],
    ['attribution.commanded.v1', 10],
    ['credential.refreshed.v1', 11],
    ['destination.state.v1', 12],
    ['lifecycle.signalled.v1', 13],
    ['delivery.commanded.v1', 19],
    ['replay.recorded.v1', 21],
  ]);
});
