/** What becomes of an undecoded record, case by case. */
import { encodeEvent, LOCKED_SCHEMAS, learnSchema, schemaIdOf } from '@tributary/contracts';
import { DependencyFailure } from '@tributary/runtime';
import { aClick, aPostback } from '@tributary/testing';
import { describe, expect, it } from 'vitest';
import { appraise, UNKNOWN_SCHEMA_PATIENCE_MS } from './appraise.ts';

const CLICK = encodeEvent('click.recorded.v1', aClick());
const LATER_ID = 7_654_321;
/** A click under the schema of a later deploy, whose last field is optional and absent: one more byte, 0. */
const LATER = Buffer.concat([CLICK, Buffer.from([0])]);
LATER.writeInt32BE(LATER_ID, 1);
const LATER_SCHEMA = laterClickSchema();

type Registry = 'knows' | 'does not know' | 'away';

function laterClickSchema(): string {
  const schema = LOCKED_SCHEMAS['click.recorded.v1']?.at(-1)?.schema as { fields: object[] };
  const later = { name: 'later', type: ['null', 'string'], default: null };
  return JSON.stringify({ ...schema, fields: [...schema.fields, later] });
}

async function appraised(
  value: Buffer,
  registry: Registry,
  { key = Buffer.from('k'), openForMs = 0 }: { key?: Buffer; openForMs?: number } = {},
) {
  const asked: number[] = [];
  const answer = (id: number): boolean => {
    asked.push(id);
    if (registry === 'away') throw new DependencyFailure('schema_registry_unavailable', 'away');
    return registry === 'knows';
  };
  const appraisal = await appraise(
    { topic: 'click.recorded.v1', key, value, openForMs },
    {
      schemaOf: async (id) => (answer(id) ? '{}' : null),
      learn: async (id) => (answer(id) && learnSchema(id, LATER_SCHEMA) === 'learnt' ? 'learnt' : 'unknown'),
    },
  );
  return { appraisal, asked };
}

describe('a record whose schema this build knows', () => {
  it.each<[Registry, string]>([
    ['knows', 'republish'],
    ['away', 'wait'],
    ['does not know', 'wait'],
  ])('registry %s: %s', async (registry, expected) => {
    const { appraisal, asked } = await appraised(CLICK, registry, {
      openForMs: 10 * UNKNOWN_SCHEMA_PATIENCE_MS,
    });
    expect(appraisal).toEqual({ kind: expected });
    expect(asked).toEqual([schemaIdOf(CLICK)]);
  });
});

describe('a record of a later schema', () => {
  const dead = (reasonCode: string) => ({ kind: 'dead_letter', reasonCode });
  // Once learnt an id stays known, so what is not known comes first.
  it.each<[string, Buffer, Registry, number, object]>([
    ['registry away', LATER, 'away', 1e12, { kind: 'wait' }],
    ['not registered yet', LATER, 'does not know', UNKNOWN_SCHEMA_PATIENCE_MS - 1, { kind: 'wait' }],
    ['never registered', LATER, 'does not know', UNKNOWN_SCHEMA_PATIENCE_MS, dead('unknown_schema_id')],
    ['cut short', LATER.subarray(0, 12), 'knows', 0, dead('undecodable')],
    ['decodes with the registry’s schema', LATER, 'knows', 0, { kind: 'republish' }],
  ])('%s', async (_name, value, registry, openForMs, expected) => {
    expect((await appraised(value, registry, { openForMs })).appraisal).toEqual(expected);
  });
});

describe('what can never decode is set aside without asking the registry', () => {
  it.each<[string, Buffer, Buffer | undefined]>([
    ['empty_value', Buffer.alloc(0), undefined],
    ['not_wire_format', Buffer.from('{"json":1}'), undefined],
    ['undecodable', CLICK.subarray(0, 12), undefined],
    ['schema_of_another_topic', encodeEvent('postback.received.v1', aPostback()), undefined],
    ['key_not_utf8', CLICK, Buffer.from([0xff, 0xfe])],
  ])('%s', async (reasonCode, value, key) => {
    const { appraisal, asked } = await appraised(value, 'away', key ? { key } : {});
    expect(appraisal).toEqual({ kind: 'dead_letter', reasonCode });
    expect(asked).toEqual([]);
  });
});
