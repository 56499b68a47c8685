/** Ids that a registry gave: written from then on, read beside the locked ones. A file of its own, since it changes the codec for good. */
import { aClick, aRefusal } from '@tributary/testing';
import { expect, it } from 'vitest';
import { adoptSchemaIds, decodeEvent, encodeEvent, writtenSchemaIds } from './codec.ts';
import { LOCKED_SCHEMAS } from './generated/events.ts';

const versions = Object.entries(LOCKED_SCHEMAS).flatMap(([schema, ofSchema]) =>
  ofSchema.map(({ version, id }) => ({ schema, version, id })),
);
/** As a real registry would: its numbers overlap with the locked ones and mean other schemas. */
const shifted = versions.map(({ id, ...version }) => ({ ...version, id: id + 1 }));

it('are written, and both kinds are read', () => {
  const byLockedId = encodeEvent('click.recorded.v1', aClick());
  expect(byLockedId.readInt32BE(1)).toBe(1);

  adoptSchemaIds(shifted);

  expect(writtenSchemaIds().get('click.recorded.v1')).toBe(2);
  const byRegistryId = encodeEvent('click.recorded.v1', aClick());
  expect(byRegistryId.readInt32BE(1)).toBe(2);
  for (const wire of [byLockedId, byRegistryId]) {
    expect(decodeEvent('click.recorded.v1', wire)).toEqual({ ok: true, value: aClick() });
  }
  expect(byRegistryId.subarray(5)).toEqual(byLockedId.subarray(5));
});

it('tell a record of another topic by the registry, not by the lock', () => {
  const wire = encodeEvent('postback.refused.v1', aRefusal());
  expect(decodeEvent('click.recorded.v1', wire)).toEqual({ ok: false, problem: 'schema_of_another_topic' });
  // The lock has an id 1, the registry has none: whatever it is, the registry can be asked.
  wire.writeInt32BE(1, 1);
  expect(decodeEvent('postback.judged.v1', wire)).toEqual({ ok: false, problem: 'unknown_schema_id' });
});

it('of a version that is not locked are refused', () => {
  expect(() => adoptSchemaIds([{ schema: 'click.recorded.v1', version: 99, id: 1 }])).toThrow(
    'version 99 of click.recorded.v1 is not locked',
  );
});
