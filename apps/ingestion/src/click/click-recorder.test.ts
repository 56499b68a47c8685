/** Recording clicks: a redirect never fails for its click, and a sender that can send again is told. */
import type { OutgoingRecord, RecordPosition } from '@tributary/bus';
import { createLogger, DependencyFailure } from '@tributary/runtime';
import { aClick } from '@tributary/testing';
import { beforeEach, expect, it } from 'vitest';
import { clicksLost } from '../ingestion-metrics.ts';
import type { SafeProducer } from '../spool/safe-producer.ts';
import { ClickRecorder } from './click-recorder.ts';

const full = new DependencyFailure('spool_full', 'full');
let written: OutgoingRecord[];
let deadlines: (number | undefined)[];
let answer: () => Promise<RecordPosition | null>;
let producer: SafeProducer;
let recorder: ClickRecorder;

beforeEach(() => {
  written = [];
  deadlines = [];
  answer = async () => ({ topic: 'click.recorded.v1', partition: 0, offset: 1 });
  producer = {
    produce: async (records, deadlineMs) => {
      deadlines.push(deadlineMs);
      const position = await answer();
      written.push(...records);
      return records.map(() => position);
    },
  };
  recorder = new ClickRecorder(producer, createLogger('recorder-test', 'silent'));
});

async function lost(): Promise<number> {
  return (await clicksLost.get()).values[0]?.value ?? 0;
}

it('writes a click under its id, to Kafka or the spool, with a bound on the waiting', async () => {
  const clicks = [aClick(), aClick()];
  await recorder.record(clicks[0] ?? aClick());
  answer = async () => null;
  await recorder.record(clicks[1] ?? aClick());
  expect(written).toMatchObject(clicks.map(({ clickId }) => ({ topic: 'click.recorded.v1', key: clickId })));
  expect(deadlines).toEqual([1_500, 1_500]);
});

it('lets the person go on when nobody takes the click, and counts it as lost', async () => {
  const before = await lost();
  answer = () => Promise.reject(full);
  await recorder.record(aClick());
  answer = () => Promise.reject(new RangeError('a defect'));
  await recorder.record(aClick());
  expect(await lost()).toBe(before + 2);
});

it('tells a sender that can send again that nothing was taken', async () => {
  answer = () => Promise.reject(full);
  await expect(recorder.write(aClick(), 100)).rejects.toBe(full);
  expect(deadlines).toEqual([100]);
});

it('logs the share of the clicks it is told to, always the same ones', async () => {
  const logged: string[] = [];
  const log = createLogger('recorder-test', 'info', {
    write: (line) => logged.push((JSON.parse(line) as { clickId: string }).clickId),
  });
  const clicks = ['0000', '3fff', '4000', 'ffff'].map((tail) =>
    aClick({ clickId: `0199aabb-ccdd-7eee-8fff-00112233${tail}` }),
  );
  for (const loggedShare of [0, 0.25, 1]) {
    const some = new ClickRecorder(producer, log, { loggedShare });
    for (const click of clicks) await some.record(click);
    logged.push('|');
  }
  expect(logged.map((id) => id.slice(-4)).join(' ')).toBe('| 0000 3fff | 0000 3fff 4000 ffff |');
});
