/** Recording clicks: a person never waits for Kafka for long, and a click that was let through is written all the same. */
import type { OutgoingRecord, RecordPosition } from '@tributary/bus';
import { createLogger, DependencyFailure } from '@tributary/runtime';
import { aClick } from '@tributary/testing';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ClickRecorder } from './click-recorder.ts';

const away = new DependencyFailure('kafka_unavailable', 'away');
let written: OutgoingRecord[];
let answer: () => Promise<void>;
let recorder: ClickRecorder;

beforeEach(() => {
  vi.useFakeTimers();
  written = [];
  answer = async () => undefined;
  const produce = async (records: readonly OutgoingRecord[]): Promise<readonly RecordPosition[]> => {
    await answer();
    written.push(...records);
    return records.map(({ topic }, offset) => ({ topic, partition: 0, offset }));
  };
  recorder = new ClickRecorder({ produce }, createLogger('recorder-test', 'silent'));
});

afterEach(() => {
  vi.useRealTimers();
});

it('writes a click under its id and has nothing pending then', async () => {
  const click = aClick();
  await recorder.record(click);
  expect(written).toMatchObject([{ topic: 'click.recorded.v1', key: click.clickId }]);
  expect(recorder.pending).toBe(0);
});

it('lets the person go after a second and a half, and writes on until Kafka has the click', async () => {
  answer = () => Promise.reject(away);
  let isLetGo = false;
  const recording = recorder.record(aClick()).then(() => {
    isLetGo = true;
  });
  await vi.advanceTimersByTimeAsync(1_499);
  expect(isLetGo).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  await recording;
  expect(recorder.pending).toBe(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(written).toEqual([]);
  answer = async () => undefined;
  const settled = recorder.settled();
  await vi.advanceTimersByTimeAsync(1_000);
  await settled;
  expect(written).toHaveLength(1);
  expect(recorder.pending).toBe(0);
});

it('does not let a person wait for an answer that never comes', async () => {
  answer = () => new Promise(() => undefined);
  const recording = recorder.record(aClick());
  await vi.advanceTimersByTimeAsync(1_500);
  await expect(recording).resolves.toBeUndefined();
});

it('tells a sender that can send again that nothing was taken', async () => {
  answer = () => Promise.reject(away);
  await expect(recorder.write(aClick(), 100)).rejects.toBe(away);
  expect(recorder.pending).toBe(0);
});

it('logs the share of the clicks it is told to, always the same ones', async () => {
  const logged: string[] = [];
  const log = createLogger('recorder-test', 'info', {
    write: (line) => logged.push((JSON.parse(line) as { clickId: string }).clickId),
  });
  const produce = async (records: readonly OutgoingRecord[]): Promise<readonly RecordPosition[]> =>
    records.map(({ topic }, offset) => ({ topic, partition: 0, offset }));
  const clicks = ['0000', '3fff', '4000', 'ffff'].map((tail) =>
    aClick({ clickId: `0199aabb-ccdd-7eee-8fff-00112233${tail}` }),
  );
  for (const loggedShare of [0, 0.25, 1]) {
    const some = new ClickRecorder({ produce }, log, { loggedShare });
    for (const click of clicks) await some.record(click);
    logged.push('|');
  }
  expect(logged.map((id) => id.slice(-4)).join(' ')).toBe('| 0000 3fff | 0000 3fff 4000 ffff |');
});
