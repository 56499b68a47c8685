/** The timer wheel over a batch: who is due, who moves on, and when the next one is to be popped. */
import type { PartitionBatch } from '@tributary/bus';
import type { DeliveryDue } from '@tributary/contracts';
import { TIMER_LEVEL_MS, TIMER_LEVELS } from '@tributary/domain';
import { describe, expect, it } from 'vitest';
import { DUE_TOPICS, type DueEvent, type DueTopic, dueTopic, popDue } from './timer.ts';

const START = 1_000_000_000;
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
    kind: 'retry',
    delivered: null,
    accepts: [],
    question: null,
    dropped: null,
    issuedAt: null,
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

/** What is popped of a batch at an instant. */
function popped(topic: DueTopic, events: readonly DueEvent[], now = START) {
  const batch: PartitionBatch<DueTopic> = {
    topic,
    partition: 0,
    events,
    signal: new AbortController().signal,
  };
  const { due, moved, resumeAt } = popDue(batch, now);
  return {
    due: due.map(({ offset }) => offset),
    moved: moved.map(({ event: { offset }, level }) => [offset, level]),
    resumeAfterMs: resumeAt === undefined ? undefined : resumeAt - START,
  };
}

it('has a topic for every level', () => {
  expect(TIMER_LEVELS.map(dueTopic)).toEqual(DUE_TOPICS);
});

describe('popDue', () => {
  it('takes at once everything whose time has come', () => {
    const events = [event('delivery.due.5s.v1', 0, START - 1), event('delivery.due.5s.v1', 1, START)];
    expect(popped('delivery.due.5s.v1', events)).toEqual({
      due: [0, 1],
      moved: [],
      resumeAfterMs: undefined,
    });
  });

  it('waits for the head of its level, then takes it', () => {
    const events = [event('delivery.due.5s.v1', 0, START + 5_000)];
    expect(popped('delivery.due.5s.v1', events)).toEqual({ due: [], moved: [], resumeAfterMs: 5_000 });
    expect(popped('delivery.due.5s.v1', events, START + 5_000)).toMatchObject({ due: [0] });
  });

  it('stops at the first record that still rests', () => {
    const events = [
      event('delivery.due.1s.v1', 0, START),
      event('delivery.due.1s.v1', 1, START + 900),
      event('delivery.due.1s.v1', 2, START),
    ];
    expect(popped('delivery.due.1s.v1', events)).toEqual({ due: [0], moved: [], resumeAfterMs: 900 });
  });

  it('moves on what is popped before its time, to the largest level that fits', () => {
    const topic = 'delivery.due.30s.v1';
    const early = START - TIMER_LEVEL_MS['30s'];
    const events = [
      event(topic, 0, START + 6_000, early),
      event(topic, 1, START + 1_000, early),
      event(topic, 2, START - 5, early),
      event(topic, 3, START + 7_200_000, early),
    ];
    expect(popped(topic, events)).toEqual({
      due: [2],
      moved: [
        [0, '5s'],
        [1, '1s'],
        [3, '1h'],
      ],
      resumeAfterMs: undefined,
    });
  });

  it('lets what comes in less than a second wait at the head instead of moving it', () => {
    const rested = START - 30_000;
    const events = [
      event('delivery.due.30s.v1', 0, START + 999, rested),
      event('delivery.due.30s.v1', 1, START + 500, rested),
    ];
    expect(popped('delivery.due.30s.v1', events)).toEqual({ due: [], moved: [], resumeAfterMs: 999 });
    expect(popped('delivery.due.30s.v1', events, START + 999)).toMatchObject({ due: [0, 1] });
  });

  it('hands over what it has rather than wait for a later one', () => {
    const rested = START - 30_000;
    const events = [
      event('delivery.due.30s.v1', 0, START, rested),
      event('delivery.due.30s.v1', 1, START + 500, rested),
    ];
    expect(popped('delivery.due.30s.v1', events)).toEqual({ due: [0], moved: [], resumeAfterMs: 500 });
  });

  it('has nothing to do for an empty batch', () => {
    expect(popped('delivery.due.1s.v1', [])).toEqual({ due: [], moved: [], resumeAfterMs: undefined });
  });
});
