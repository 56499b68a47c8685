/** The wire form: every event survives the round trip, and what cannot be read says why. */
import { isDeepStrictEqual } from 'node:util';
import { aClick, aDecision, aPostback, aRefusal } from '@tributary/testing';
import { describe, expect, it } from 'vitest';
import type { AvroDefinition, AvroField } from './avro-schema.ts';
import { type DecodeProblem, decodeEvent, type EventOf, encodeEvent, learnSchema } from './codec.ts';
import { LOCKED_SCHEMAS, type PostbackRefused } from './generated/events.ts';
import type { TopicName } from './topics.ts';

const refused = aRefusal();
const decided = aDecision();

describe('wire format', () => {
  it('round-trips an event', () => {
    const wire = encodeEvent('postback.refused.v1', refused);
    expect(wire.readUInt8(0)).toBe(0);
    expect(decodeEvent('postback.refused.v1', wire)).toEqual({ ok: true, value: refused });
  });

  it('keeps money exact at both ends of 64 bits', () => {
    for (const revenueMicros of [2n ** 63n - 1n, -(2n ** 63n), 0n, null]) {
      const wire = encodeEvent('conversion.decided.v1', { ...decided, revenueMicros });
      expect(decodeEvent('conversion.decided.v1', wire)).toMatchObject({
        ok: true,
        value: { revenueMicros },
      });
    }
  });

  it('encodes an event larger than its buffer', () => {
    const rawCall = 'x'.repeat(300_000);
    const wire = encodeEvent('postback.refused.v1', { ...refused, rawCall });
    expect(decodeEvent('postback.refused.v1', wire)).toMatchObject({ ok: true, value: { rawCall } });
  });

  it('names the field of a misfit without its value', () => {
    const misfit = { ...refused, reasonCode: 3 } as unknown as PostbackRefused;
    expect(() => encodeEvent('postback.refused.v1', misfit)).toThrow(/PostbackRefused|refused.*reasonCode/);
  });

  const events: readonly (readonly [TopicName, Readonly<Record<string, unknown>>])[] = [
    ['click.recorded.v1', { ...aClick() }],
    ['postback.received.v1', { ...aPostback() }],
    ['postback.refused.v1', { ...refused }],
    ['conversion.decided.v1', { ...decided }],
  ];
  const values = [
    true,
    0.5,
    -1,
    2 ** 31,
    2 ** 53,
    5n,
    2n ** 63n,
    '',
    'no symbol',
    Buffer.from('a'),
    {},
    [7],
    { a: 7 },
  ];
  it.each(events)('writes no value of %s as another one', (topic, event) => {
    for (const name of Object.keys(event)) {
      const changed = values.filter((value) => {
        const read = readBack(topic, { ...event, [name]: value });
        return read !== null && !isDeepStrictEqual(plain(read[name]), plain(value));
      });
      expect([name, changed]).toEqual([name, []]);
    }
  });

  const cases: readonly [DecodeProblem, Buffer | null, TopicName?][] = [
    ['empty_value', null],
    ['empty_value', Buffer.alloc(0)],
    ['not_wire_format', Buffer.from('{"a":1}')],
    ['unknown_schema_id', Buffer.from([0, 0x7f, 0, 0, 1, 2])],
    ['schema_of_another_topic', encodeEvent('postback.refused.v1', refused), 'click.recorded.v1'],
    ['undecodable', encodeEvent('postback.refused.v1', refused).subarray(0, 12)],
  ];
  it.each(cases)('says %s', (problem, value, topic = 'postback.refused.v1') => {
    expect(decodeEvent(topic, value)).toEqual({ ok: false, problem });
  });
});

describe('a schema version that this build does not hold', () => {
  const refusal = LOCKED_SCHEMAS['postback.refused.v1']?.at(-1)?.schema as AvroDefinition;
  const fields = refusal.fields ?? [];
  const withFields = (changed: readonly AvroField[]) => JSON.stringify({ ...refusal, fields: changed });

  it('decodes to our newest once it is learnt', () => {
    const note: AvroField = { name: 'note', type: ['null', 'string'], default: null };
    const wire = encodeEvent('postback.refused.v1', refused);
    const written = Buffer.concat([wire, Buffer.from([0])]);
    written.writeInt32BE(5_000_001, 1);
    expect(decodeEvent('postback.refused.v1', written)).toEqual({ ok: false, problem: 'unknown_schema_id' });

    expect(learnSchema(5_000_001, withFields([...fields, note]))).toBe('learnt');

    expect(decodeEvent('postback.refused.v1', written)).toEqual({ ok: true, value: refused });
    expect(decodeEvent('click.recorded.v1', written)).toEqual({
      ok: false,
      problem: 'schema_of_another_topic',
    });
  });

  it('keeps money exact', () => {
    const decision = LOCKED_SCHEMAS['conversion.decided.v1']?.at(-1)?.schema as AvroDefinition;
    const newer = {
      ...decision,
      fields: [...(decision.fields ?? []), { name: 'bonus', type: 'int', default: 0 }],
    };
    expect(learnSchema(5_000_002, JSON.stringify(newer))).toBe('learnt');
    const event = { ...decided, revenueMicros: 2n ** 63n - 1n };
    const written = Buffer.concat([encodeEvent('conversion.decided.v1', event), Buffer.from([0])]);
    written.writeInt32BE(5_000_002, 1);
    expect(decodeEvent('conversion.decided.v1', written)).toEqual({ ok: true, value: event });
  });

  it.each([
    ['a record of nobody here', '{"type":"record","name":"Other","fields":[]}', 'of_no_topic'],
    ['no record', '"string"', 'of_no_topic'],
    ['no JSON', '<html>', 'of_no_topic'],
    ['a record without a field we need', withFields(fields.slice(1)), 'incompatible'],
    ['a record that is no Avro', withFields([...fields, { name: 'x', type: 'nonsense' }]), 'incompatible'],
  ])('is not taken up when it is %s', (_name, text, outcome) => {
    expect(learnSchema(5_000_003, text)).toBe(outcome);
  });
});

/** Null for what is not written. */
function readBack(topic: TopicName, event: object): Readonly<Record<string, unknown>> | null {
  let wire: Buffer;
  try {
    wire = encodeEvent(topic, event as EventOf<TopicName>);
  } catch {
    return null;
  }
  const decoded = decodeEvent(topic, wire);
  if (!decoded.ok) throw new Error(decoded.problem);
  return { ...decoded.value };
}

/** Without the classes that avsc builds. */
function plain(value: unknown): unknown {
  return structuredClone(value);
}
