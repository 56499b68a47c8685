/** Lookups of a subject that has evolved. */
import { describe, expect, it } from 'vitest';
import { Registry } from './registry.ts';

const first = { subject: 'a-value', version: 1, id: 1, schema: '{"type":"record","name":"A","fields":[]}' };
const second = {
  subject: 'a-value',
  version: 2,
  id: 3,
  schema: '{"type":"record","name":"A","fields":[{"name":"x","type":["null","string"],"default":null}]}',
};
const third = { subject: 'a-value', version: 10, id: 4, schema: '"bytes"' };
const other = { subject: 'b-value', version: 1, id: 2, schema: '"string"' };

describe('a subject with several versions', () => {
  const registry = new Registry([third, second, other, first]);

  it('lists them in the order of their numbers', () => {
    expect(registry.versions('a-value')).toEqual({ ok: true, value: [1, 2, 10] });
    expect(registry.subjects()).toEqual(['a-value', 'b-value']);
  });

  it('keeps serving the old ones; latest is the highest', () => {
    expect(registry.version('a-value', '1')).toEqual({ ok: true, value: first });
    expect(registry.version('a-value', 'latest')).toEqual({ ok: true, value: third });
    expect(registry.schemaOfId('1')).toEqual({ ok: true, value: first.schema });
  });

  it('refuses a number between two versions', () => {
    expect(registry.version('a-value', '3')).toMatchObject({ ok: false, problem: 'version_not_found' });
  });

  it('looks up each by its schema', () => {
    const reordered =
      '{"fields": [{"type": ["null", "string"], "default": null, "name": "x"}], "name": "A", "type": "record"}';

    expect(registry.lookUp('a-value', reordered)).toEqual({ ok: true, value: second });
    expect(registry.lookUp('b-value', '"bytes"')).toMatchObject({ ok: false, problem: 'schema_not_found' });
  });

  it('tells unions of another order apart', () => {
    const swapped = second.schema.replace('["null","string"]', '["string","null"]');

    expect(registry.lookUp('a-value', swapped)).toMatchObject({ ok: false, problem: 'schema_not_found' });
  });
});
