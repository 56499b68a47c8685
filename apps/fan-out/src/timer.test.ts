/** The timer wheel over a batch: who is due, who moves on, and that a wait ends with its partition. */
import type { PartitionBatch } from '@tributary/bus';
import type { DeliveryDue } from '@tributary/contracts';
import { TIMER_LEVEL_MS, TIMER_LEVELS } from '@tributary/domain';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DUE_TOPICS, type DueEvent, type DueTopic, dueTopic, popDue } from './timer.ts';

const START = 1_000_000_000;
const now = () => Date.now();

beforeEach(() => {
  vi.useFakeTimers({ now: START });
});

afterEach(() => {
  vi.useRealTimers();
});

function event(topic: DueTopic, offset: number, dueAt: number, enqueuedAt = START): DueEvent {
  const due: DeliveryDue = {
    deliveryId: `d-${offset}`,
    destinationId: 'partner',
    outwardEvent: 'sale',
    attempt: 2,
    dueAt,
    enqueuedAt,
    decision: Buffer.alloc(0),
    lastReasonCode: null,
  };
  return {
    topic,
    partition: 0,
    offset,
    key: 'c',
    writtenAt: enqueuedAt,
    event: due,
    value: Buffer.alloc(0),
    headers: {},
  };
}

function batch(
  topic: DueTopic,
  events: readonly DueEvent[],
  signal = new AbortController().signal,
): PartitionBatch<DueTopic> {
  return { topic, partition: 0, events, signal };
}

/** What is popped, and how long the pop has waited. */
async function popped(topic: DueTopic, events: readonly DueEvent[]) {
  const popping = popDue(batch(topic, events), now).then(({ due, moved }) => ({
    afterMs: now() - START,
    due: due.map(({ offset }) => offset),
    moved: moved.map(({ event: { offset }, level }) => [offset, level]),
  }));
  await vi.runAllTimersAsync();
  return popping;
}

it('has a topic for every level', () => {
  expect(TIMER_LEVELS.map(dueTopic)).toEqual(DUE_TOPICS);
});

describe('popDue', () => {
  it('takes at once everything whose time has come', async () => {
    const events = [event('delivery.due.5s.v1', 0, START - 1), event('delivery.due.5s.v1', 1, START)];
    expect(await popped('delivery.due.5s.v1', events)).toEqual({ afterMs: 0, due: [0, 1], moved: [] });
  });

  it('waits for the head of its level, then takes it', async () => {
    expect(await popped('delivery.due.5s.v1', [event('delivery.due.5s.v1', 0, START + 5_000)])).toEqual({
      afterMs: 5_000,
      due: [0],
      moved: [],
    });
  });

  it('stops at the first record that still rests', async () => {
    const events = [
      event('delivery.due.1s.v1', 0, START),
      event('delivery.due.1s.v1', 1, START + 900),
      event('delivery.due.1s.v1', 2, START),
    ];
    expect(await popped('delivery.due.1s.v1', events)).toMatchObject({ afterMs: 0, due: [0] });
  });

  it('moves on what is popped before its time, to the largest level that fits', async () => {
    const topic = 'delivery.due.30s.v1';
    const early = START - TIMER_LEVEL_MS['30s'];
    const events = [
      event(topic, 0, START + 6_000, early),
      event(topic, 1, START + 1_000, early),
      event(topic, 2, START - 5, early),
      event(topic, 3, START + 7_200_000, early),
    ];
    expect(await popped(topic, events)).toEqual({
      afterMs: 0,
      due: [2],
      moved: [
        [0, '5s'],
        [1, '1s'],
        [3, '1h'],
      ],
    });
  });

  it('waits at the head for less than a second instead of moving it', async () => {
    const rested = START - 30_000;
    const events = [
      event('delivery.due.30s.v1', 0, START + 999, rested),
      event('delivery.due.30s.v1', 1, START + 500, rested),
    ];
    expect(await popped('delivery.due.30s.v1', events)).toEqual({ afterMs: 999, due: [0, 1], moved: [] });
  });

  it('hands over what it has rather than wait for a later one', async () => {
    const rested = START - 30_000;
    const events = [
      event('delivery.due.30s.v1', 0, START, rested),
      event('delivery.due.30s.v1', 1, START + 500, rested),
    ];
    expect(await popped('delivery.due.30s.v1', events)).toEqual({ afterMs: 0, due: [0], moved: [] });
  });

  it.each(['before', 'while'])(
    'ends with its partition, given up %s it waits, with nothing taken',
    async (when) => {
      const lost = new AbortController();
      if (when === 'before') lost.abort();
      const topic = 'delivery.due.1h.v1';
      const popping = popDue(batch(topic, [event(topic, 0, START + 3_600_000)], lost.signal), now);
      await vi.advanceTimersByTimeAsync(10);
      lost.abort();
      await vi.advanceTimersByTimeAsync(0);
      expect(await popping).toEqual({ due: [], moved: [] });
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  it('has nothing to do for an empty batch', async () => {
    expect(await popped('delivery.due.1s.v1', [])).toEqual({ afterMs: 0, due: [], moved: [] });
  });
});
