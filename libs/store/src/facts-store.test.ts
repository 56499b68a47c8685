/** What the store asks ClickHouse: nothing without keys, and lists in parts that a request can hold. The answers are tested on a real server. */
import { randomUUID } from 'node:crypto';
import { attribution } from '@tributary/domain';
import { expect, it } from 'vitest';
import { FactsStore } from './facts-store.ts';

/** Bytes of one parameter above which ClickHouse answers "Field value too long". */
const PARAMETER_BOUND = 128 * 1024;

function recording() {
  const asked: Readonly<Record<string, unknown>>[] = [];
  const store = new FactsStore({
    rows: async (_sql, parameters = {}) => {
      asked.push(parameters);
      return [];
    },
  });
  return { asked, store };
}

function keys(changes: Partial<Record<attribution.KeyKind, readonly string[]>>): attribution.Keys {
  const all = attribution.KEY_KINDS.map((kind) => [kind, new Set(changes[kind])]);
  return Object.fromEntries(all) as attribution.Keys;
}

it('asks nothing without keys', async () => {
  const { asked, store } = recording();
  expect(await store.load(keys({}))).toEqual({
    judgements: [],
    conversions: [],
    clicks: [],
    capUses: [],
    tierUses: [],
  });
  expect(await store.waiting([])).toEqual([]);
  expect(await store.contentDigests([])).toEqual(new Map());
  expect(await store.clicksById([])).toEqual([]);
  expect(asked).toEqual([]);
});

it('asks one query for each kind of answer', async () => {
  const { asked, store } = recording();
  await store.load(
    keys({
      receipt: [randomUUID()],
      conversion: [randomUUID()],
      transaction: ['t'],
      customer: ['c'],
      clickNamed: [randomUUID()],
      subject: ['s'],
      click: [randomUUID()],
      clicksOfCustomer: ['c'],
    }),
  );
  expect(asked.map((parameters) => Object.keys(parameters))).toEqual([
    ['receiptIds'],
    ['keyHashes'],
    ['clickIds', 'keyHashes'],
  ]);
  expect(asked[1]).toMatchObject({ keyHashes: { length: 5 } });
  expect(asked[2]).toMatchObject({ clickIds: { length: 1 }, keyHashes: { length: 1 } });
});

it.each([1, 2_000, 2_001, 10_000])('asks for %i keys of every kind once each, in parts', async (count) => {
  const { asked, store } = recording();
  const ids = Array.from({ length: count }, () => randomUUID());
  await store.load(
    keys({ receipt: ids, conversion: ids, transaction: ids, customer: ids, click: ids, capUse: ids }),
  );
  const lists = asked.flatMap((parameters) => Object.entries(parameters)) as [string, (string | bigint)[]][];
  for (const [, list] of lists)
    expect(Buffer.byteLength(list.map((item) => `'${item}'`).join())).toBeLessThan(PARAMETER_BOUND);
  const all = (name: string) => lists.flatMap(([parameter, list]) => (parameter === name ? list : []));
  expect(all('receiptIds')).toEqual(ids);
  expect(all('clickIds')).toEqual(ids);
  expect(new Set(all('keyHashes')).size).toBe(3 * count);
  expect(all('counterHashes')).toHaveLength(count);
});
