/** The producer of an owner: passes everything on while the group hears of it, and nothing afterwards. */
import { DependencyFailure } from '@tributary/runtime';
import { expect, it } from 'vitest';
import { OwnerProducer } from './owner-producer.ts';
import type { OutgoingRecord } from './records.ts';

const RECORD: OutgoingRecord = { topic: 'dead-letter.v1', key: 'k', value: Buffer.alloc(1) };
const POSITION = { topic: RECORD.topic, partition: 0, offset: 4 } as const;

it('passes records and their deadline on while it owns, and refuses afterwards', async () => {
  const passed: unknown[] = [];
  let isOwner = true;
  const producer = new OwnerProducer(
    {
      produce: async (...call) => {
        passed.push(call);
        return [POSITION];
      },
    },
    () => isOwner,
  );
  expect(await producer.produce([RECORD], 1_500)).toEqual([POSITION]);
  isOwner = false;
  await expect(producer.produce([RECORD])).rejects.toBeInstanceOf(DependencyFailure);
  expect(passed).toEqual([[[RECORD], 1_500]]);
});
