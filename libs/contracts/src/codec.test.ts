/** The wire form: every event survives the round trip, and what cannot be read says why. */
import { aDecision, aRefusal } from '@tributary/testing';
import { describe, expect, it } from 'vitest';
import { type DecodeProblem, decodeEvent, encodeEvent } from './codec.ts';
import type { PostbackRefused } from './generated/events.ts';
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
