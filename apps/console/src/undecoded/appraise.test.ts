/** What becomes of an undecoded record, case by case. */
import { encodeEvent, schemaIdOf } from '@tributary/contracts';
import { aClick, aPostback } from '@tributary/testing';
import { describe, expect, it } from 'vitest';
import { appraise, UNKNOWN_SCHEMA_PATIENCE_MS } from './appraise.ts';
import type { SchemaLookup } from './registry-client.ts';

const CLICK = encodeEvent('click.recorded.v1', aClick());
const STRANGE_ID = 7_654_321;
/** A body of one string, under a schema id of a later deploy. */
const LATER = Buffer.from([0, 0, 0, 0, 0, 4, 0x68, 0x69]);
LATER.writeInt32BE(STRANGE_ID, 1);
const LATER_SCHEMA = JSON.stringify({
  type: 'record',
  name: 'Later',
  fields: [{ name: 'text', type: 'string' }],
});
const known: SchemaLookup = { kind: 'found', schema: LATER_SCHEMA };

async function appraised(
  value: Buffer,
  lookUp: SchemaLookup,
  { key = Buffer.from('k'), openForMs = 0 }: { key?: Buffer; openForMs?: number } = {},
) {
  const asked: number[] = [];
  const appraisal = await appraise({ topic: 'click.recorded.v1', key, value, openForMs }, async (id) => {
    asked.push(id);
    return lookUp;
  });
  return { appraisal, asked };
}

describe('a record whose schema this build knows', () => {
  it.each<[SchemaLookup['kind'], string]>([
    ['found', 'republish'],
    ['unavailable', 'wait'],
    ['unknown', 'wait'],
    ['of_another_topic', 'wait'],
  ])('registry says %s: %s', async (kind, expected) => {
    const lookUp = kind === 'found' ? known : { kind };
    const { appraisal, asked } = await appraised(CLICK, lookUp, {
      openForMs: 10 * UNKNOWN_SCHEMA_PATIENCE_MS,
    });
    expect(appraisal).toEqual({ kind: expected });
    expect(asked).toEqual([schemaIdOf(CLICK)]);
  });
});

describe('a record of a later schema', () => {
  it.each<[string, Buffer, SchemaLookup, number, object]>([
    ['decodes with the registry’s schema', LATER, known, 0, { kind: 'republish' }],
    ['registry away', LATER, { kind: 'unavailable' }, 1e12, { kind: 'wait' }],
    ['not registered yet', LATER, { kind: 'unknown' }, UNKNOWN_SCHEMA_PATIENCE_MS - 1, { kind: 'wait' }],
    [
      'never registered',
      LATER,
      { kind: 'unknown' },
      UNKNOWN_SCHEMA_PATIENCE_MS,
      { kind: 'dead_letter', reasonCode: 'unknown_schema_id' },
    ],
    [
      'of another topic',
      LATER,
      { kind: 'of_another_topic' },
      0,
      { kind: 'dead_letter', reasonCode: 'schema_of_another_topic' },
    ],
    ['cut short', LATER.subarray(0, 6), known, 0, { kind: 'dead_letter', reasonCode: 'undecodable' }],
  ])('%s', async (_name, value, lookUp, openForMs, expected) => {
    expect((await appraised(value, lookUp, { openForMs })).appraisal).toEqual(expected);
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
    const { appraisal, asked } = await appraised(value, { kind: 'unavailable' }, key ? { key } : {});
    expect(appraisal).toEqual({ kind: 'dead_letter', reasonCode });
    expect(asked).toEqual([]);
  });
});
