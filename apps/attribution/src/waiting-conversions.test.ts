/** The parked set: when each conversion is looked at again, and which revision waits. */
import { aDecision } from '@tributary/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { ParkedConversions } from './parked-conversions.ts';

const RECEIVED_AT = 1_000_000_000;
const DEADLINE = RECEIVED_AT + 86_400_000;
const waiting = aDecision({ match: 'parked', receivedAt: RECEIVED_AT, parkedUntil: DEADLINE });

let parked: ParkedConversions;

beforeEach(() => {
  parked = new ParkedConversions();
  parked.add(waiting);
});

const dueAt = (now: number) => parked.due(now).length === 1;

it('looks at a new one at once', () => {
  expect(dueAt(RECEIVED_AT)).toBe(true);
});

it.each([
  ['just received', 0, 1_000],
  ['after the first look', 999, 1_000],
  ['exactly at a step', 1_000, 5_000],
  ['after 4 s', 4_000, 5_000],
  ['after 5 s', 5_000, 30_000],
  ['after 30 s', 30_000, 330_000],
  ['after an hour', 3_600_000, 3_900_000],
])('looks again, %s, %d ms after receipt, at %d ms', (_name, lookedAfterMs, againAfterMs) => {
  parked.checked(waiting, RECEIVED_AT + lookedAfterMs, null);
  expect(dueAt(RECEIVED_AT + againAfterMs - 1)).toBe(false);
  expect(dueAt(RECEIVED_AT + againAfterMs)).toBe(true);
});

it('looks at once at the deadline, and from then on every time', () => {
  parked.checked(waiting, DEADLINE - 10, null);
  expect(dueAt(DEADLINE - 1)).toBe(false);
  expect(dueAt(DEADLINE)).toBe(true);
  parked.checked(waiting, DEADLINE, new Map([[0, 5]]));
  expect(parked.due(DEADLINE + 1)).toEqual([
    { conversion: waiting, nextCheckAt: expect.any(Number), watermark: new Map([[0, 5]]) },
  ]);
});

it('gives those out first that were given out longest ago', () => {
  for (const conversionId of ['second', 'third']) parked.add({ ...waiting, conversionId });
  const given = () => parked.due(DEADLINE, 2).map(({ conversion }) => conversion.conversionId);
  expect([given(), given(), given()]).toEqual([
    [waiting.conversionId, 'second'],
    ['third', waiting.conversionId],
    ['second', 'third'],
  ]);
});

describe('revisions', () => {
  it('replace an older one and never a newer one', () => {
    const newer = aDecision({ ...waiting, revision: 2 });
    parked.add(newer);
    expect([parked.holds(newer), parked.holds(waiting), parked.size]).toEqual([true, false, 1]);
    parked.add(waiting);
    expect(parked.holds(newer)).toBe(true);
  });

  it('that wait already keep their next look', () => {
    parked.checked(waiting, RECEIVED_AT + 30_000, null);
    parked.add({ ...waiting });
    expect(dueAt(RECEIVED_AT + 30_001)).toBe(false);
  });

  it('no longer held are not noted as looked at', () => {
    parked.remove(waiting.conversionId);
    parked.checked(waiting, RECEIVED_AT, null);
    expect(parked.size).toBe(0);
    parked.add(aDecision({ ...waiting, revision: 2 }));
    parked.checked(waiting, RECEIVED_AT, null);
    expect(parked.due(RECEIVED_AT)[0]?.nextCheckAt).toBe(0);
  });
});

it('forgets everything when the partitions are dealt anew', () => {
  parked.own([]);
  expect([parked.size, parked.holds(waiting), parked.due(DEADLINE)]).toEqual([0, false, []]);
});

it('holds only what belongs to the partitions dealt last', () => {
  const elsewhere = aDecision({ ...waiting, triggerPartition: waiting.triggerPartition + 1 });
  parked.own([elsewhere.triggerPartition]);
  parked.add(waiting);
  parked.add(elsewhere);
  expect([parked.holds(elsewhere), parked.size]).toEqual([true, 1]);
});

describe('what the store shows', () => {
  it('begins a wait, goes on with it and ends it', () => {
    parked.own([waiting.triggerPartition]);
    parked.meet(waiting);
    expect(parked.holds(waiting)).toBe(true);
    parked.meet({ ...waiting, match: 'attributed' });
    expect(parked.size).toBe(0);
  });

  it('of an older revision ends nothing', () => {
    const newer = aDecision({ ...waiting, revision: 2 });
    parked.add(newer);
    parked.meet({ ...waiting, match: 'unattributed' });
    expect(parked.holds(newer)).toBe(true);
  });
});
