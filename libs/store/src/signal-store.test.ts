/** What the store asks ClickHouse about signals: nothing without a question, and ids in parts that a request can hold. */
import { randomUUID } from 'node:crypto';
import { lifecycle } from '@tributary/domain';
import { expect, it } from 'vitest';
import { SignalStore } from './signal-store.ts';

function recording(answer: readonly object[] = []) {
  const asked: Readonly<Record<string, unknown>>[] = [];
  const rows = async (_sql: string, parameters: Readonly<Record<string, unknown>> = {}) => {
    asked.push(parameters);
    return answer as never[];
  };
  return { asked, store: new SignalStore({ rows }) };
}

const delays = lifecycle.delaysOf(lifecycle.STANDARD_LIFECYCLE_RULES);

it('asks nothing about nobody', async () => {
  const { asked, store } = recording();
  const question = { from: new Map([[4, 0]]), until: 1, delays };
  expect(await store.sent([])).toEqual([]);
  expect(await store.possibleOccasions({ ...question, advertiserIds: [] })).toEqual([]);
  expect(await store.possibleOccasions({ ...question, advertiserIds: ['acme'], from: new Map() })).toEqual(
    [],
  );
  expect(await store.lastDecidedAt([])).toEqual(new Map());
  expect(asked).toEqual([]);
});

it('asks for ids in parts', async () => {
  const { asked, store } = recording();
  const ids = Array.from({ length: 4_001 }, () => randomUUID());
  await store.sent(ids);
  expect(asked.flatMap(({ signalIds }) => signalIds)).toEqual(ids);
  expect(asked).toHaveLength(3);
});

it('reads a sent signal as it was sent, to the millisecond', async () => {
  const row = {
    signalId: randomUUID(),
    signal: 'renewal_due',
    phase: 'raised',
    conversionId: null,
    ordinal: 2,
    occurredAt: '1767323043.001',
    dueAt: null,
    expiresAt: '1770519845.120',
  };
  const { store } = recording([row]);
  expect(await store.sent([row.signalId])).toEqual([
    { ...row, occurredAt: 1_767_323_043_001, expiresAt: 1_770_519_845_120 },
  ]);
});

it('gives the window of each partition and each delay of a class', async () => {
  const { asked, store } = recording();
  const from = new Map([
    [4, 100],
    [9, 200],
  ]);
  await store.possibleOccasions({ advertiserIds: ['acme'], from, until: 300, delays });
  const [question = {}] = asked;
  expect(question).toMatchObject({ partitions: [4, 9], fromMs: [100, 200], untilMs: 300 });
  for (const list of ['classes', 'months', 'afterMs']) expect(question[list]).toHaveLength(delays.length - 1);
});
