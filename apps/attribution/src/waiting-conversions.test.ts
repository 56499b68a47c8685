/** The waiting set: when each conversion is looked at again, and which revision waits. */
import type { attribution } from '@tributary/domain';
import { aDecision } from '@tributary/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { conversionOf } from './conversion-record.ts';
import { awaitedBy, type Noted, WaitingConversions } from './waiting-conversions.ts';

const RECEIVED_AT = 1_000_000_000;
const DEADLINE = RECEIVED_AT + 86_400_000;
const PARTITION = 3;
const NOTED: Noted = { at: RECEIVED_AT, ends: new Map([[0, 10]]) };

const stored = conversionOf(aDecision());
const facts = { ...stored.facts, receivedAt: RECEIVED_AT };
const { clickId } = facts;

function conversion(
  outcome: Partial<attribution.Outcome>,
  changes: Partial<attribution.Conversion> = {},
): attribution.Conversion {
  return { ...stored, facts, ...changes, outcome: { ...stored.outcome, ...outcome } };
}

const parked = conversion({
  match: 'parked',
  parkedUntil: DEADLINE,
  candidates: [
    {
      clickId: clickId ?? '',
      campaignId: null,
      clickedAt: null,
      outcome: 'missing',
      reasonCode: 'click_not_found',
    },
  ],
});
const ofPerson = conversion({ match: 'parked', parkedUntil: DEADLINE, candidates: [] });
const held = conversion({ match: 'attributed', state: 'held', heldUntil: DEADLINE });
const decided = conversion({ match: 'attributed' }, { revision: 2 });

let waiting: WaitingConversions;

beforeEach(() => {
  waiting = new WaitingConversions();
});

const dueAt = (now: number) => waiting.due(now);

function look(now: number, clicks: Noted | null = null): void {
  for (const entry of waiting.due(now)) waiting.checked(entry, now, clicks);
}

describe('what a conversion waits for', () => {
  it.each([
    ['a click that its reports name', parked, { kind: 'named_click', clickId }],
    ['the clicks of its person', ofPerson, { kind: 'clicks_of_person' }],
    ['a condition', held, { kind: 'deadline_only' }],
    [
      'the clicks of its person, once the named one is given up',
      { ...parked, passed: { ...parked.passed, gaveUpClickId: clickId } },
      { kind: 'clicks_of_person' },
    ],
    [
      'its original',
      conversion({ match: 'parked', parkedUntil: DEADLINE }, { facts: { ...facts, eventTypes: ['refund'] } }),
      { kind: 'deadline_only' },
    ],
  ])('%s', (_name, conversion, awaited) => {
    expect(awaitedBy(conversion)).toEqual(awaited);
  });
});

it('looks at a new one at once', () => {
  waiting.meet(parked, PARTITION);
  expect(dueAt(RECEIVED_AT)).toMatchObject([{ conversion: parked, partition: PARTITION }]);
});

describe('after a look it is looked at again', () => {
  it.each([
    ['just received', 0, 500],
    ['exactly at a step', 500, 1_000],
    ['after 1.9 s', 1_900, 2_000],
    ['after 4 s', 4_000, 5_000],
    ['after 5 s', 5_000, 30_000],
    ['after 30 s', 30_000, 330_000],
    ['after an hour', 3_600_000, 3_900_000],
  ])('%s', (_name, lookedAfterMs, againAfterMs) => {
    waiting.meet(parked, PARTITION);
    look(RECEIVED_AT + lookedAfterMs);
    expect(dueAt(RECEIVED_AT + againAfterMs - 1)).toEqual([]);
    expect(dueAt(RECEIVED_AT + againAfterMs)).toHaveLength(1);
  });

  it('whenever the clicks have moved, until those are visible that were there when it came', () => {
    waiting.meet(ofPerson, PARTITION);
    look(RECEIVED_AT, NOTED);
    expect(dueAt(RECEIVED_AT)).toMatchObject([{ clicks: NOTED }]);
    waiting.meet(
      { ...ofPerson, revision: 2, passed: { ...ofPerson.passed, hasSeenClicks: true } },
      PARTITION,
    );
    look(RECEIVED_AT, NOTED);
    expect(dueAt(RECEIVED_AT + 499)).toEqual([]);
  });

  it('at its deadline only, where no click can end its wait', () => {
    waiting.meet(held, PARTITION);
    look(RECEIVED_AT);
    expect(dueAt(DEADLINE - 1)).toEqual([]);
    expect(dueAt(DEADLINE)).toHaveLength(1);
  });

  it('behind those that have waited longer for their turn', () => {
    const ids = ['a', 'b', 'c'];
    for (const conversionId of ids) waiting.meet({ ...parked, conversionId }, PARTITION);
    const turns = [waiting.due(DEADLINE, 2), waiting.due(DEADLINE, 2)].map((due) =>
      due.map(({ conversion }) => conversion.conversionId),
    );
    expect(turns).toEqual([
      ['a', 'b'],
      ['c', 'a'],
    ]);
  });
});

describe('a revision', () => {
  beforeEach(() => waiting.meet(parked, PARTITION));

  it('that waits no more ends the wait', () => {
    waiting.meet(decided, PARTITION);
    expect([waiting.size, waiting.holds(parked)]).toEqual([0, false]);
  });

  it('that waits on is looked at anew; the one before is not held any more', () => {
    look(RECEIVED_AT);
    const next = { ...parked, revision: 2 };
    waiting.meet(next, PARTITION);
    expect([waiting.holds(next), waiting.holds(parked)]).toEqual([true, false]);
    expect(dueAt(RECEIVED_AT)).toHaveLength(1);
  });

  it('that is older, or the same, changes nothing', () => {
    const next = { ...parked, revision: 2 };
    waiting.meet(next, PARTITION);
    look(RECEIVED_AT);
    waiting.meet(parked, PARTITION);
    waiting.meet(next, PARTITION);
    expect(waiting.holds(next)).toBe(true);
    expect(dueAt(RECEIVED_AT)).toEqual([]);
  });

  it('of the same number that was decided elsewhere and waits no more ends the wait', () => {
    waiting.meet({ ...decided, revision: 1 }, PARTITION);
    expect(waiting.size).toBe(0);
  });

  it('no longer held is not noted as looked at', () => {
    const [entry] = waiting.due(RECEIVED_AT);
    if (entry === undefined) throw new Error('nothing is due');
    waiting.meet(decided, PARTITION);
    waiting.checked(entry, RECEIVED_AT, null);
    expect(waiting.size).toBe(0);
  });
});

it('holds only what belongs to the partitions dealt last', () => {
  waiting.meet(parked, PARTITION);
  waiting.own([PARTITION + 1]);
  expect(waiting.size).toBe(0);
  waiting.meet(parked, PARTITION);
  waiting.meet({ ...parked, conversionId: 'elsewhere' }, PARTITION + 1);
  expect([waiting.holds(parked), waiting.size]).toEqual([false, 1]);
});

it('knows when the one was received that has waited longest', () => {
  expect(waiting.oldestReceivedAt).toBeNull();
  waiting.meet(parked, PARTITION);
  waiting.meet({ ...parked, conversionId: 'older', facts: { ...facts, receivedAt: 5 } }, PARTITION);
  expect(waiting.oldestReceivedAt).toBe(5);
});
