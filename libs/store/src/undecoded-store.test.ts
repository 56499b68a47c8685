/** Undecoded records: which of them hold up whoever waits for ClickHouse. */
import { writtenSchemaIds } from '@tributary/contracts';
import { DependencyFailure } from '@tributary/runtime';
import { expect, it } from 'vitest';
import { UndecodedStore } from './undecoded-store.ts';

const OURS = writtenSchemaIds().get('click.recorded.v1') ?? 0;
const LATER = 4_000_001;
const FOREIGN = -7;

/** @param answers what the registry says of an id; nothing while it is away. */
function storeOf(
  rows: readonly (readonly [partition: number, schemaId: number, offset: number])[],
  answers?: Record<number, 'learnt' | 'unknown'>,
): UndecodedStore {
  const found = rows.map(([recordPartition, schemaId, offset]) => ({
    recordPartition,
    schemaId,
    recordOffset: String(offset),
  }));
  return new UndecodedStore(
    { rows: async <Row>() => found as unknown as readonly Row[] },
    {
      learn: async (id) => {
        const answer = answers?.[id];
        if (answer === undefined) throw new DependencyFailure('schema_registry_unavailable', 'away');
        return answer;
      },
    },
  );
}

const firstOpen = async (store: UndecodedStore) => [
  ...(await store.firstOpen('click.recorded.v1', new Map())),
];

it('the first that could be ours, in each partition', async () => {
  const rows = [
    [0, OURS, 4],
    [0, LATER, 5],
    [1, LATER, 6],
  ] as const;
  expect(await firstOpen(storeOf(rows, { [LATER]: 'learnt' }))).toEqual([
    [0, 4],
    [1, 6],
  ]);
});

it('none that the registry knows as nothing of ours', async () => {
  const rows = [
    [0, FOREIGN, 4],
    [0, OURS, 9],
    [1, FOREIGN, 3],
  ] as const;
  expect(await firstOpen(storeOf(rows, { [FOREIGN]: 'unknown' }))).toEqual([[0, 9]]);
});

it('also those of which nobody can say while the registry is away', async () => {
  expect(await firstOpen(storeOf([[1, FOREIGN, 3]]))).toEqual([[1, 3]]);
});

it('every one where nobody can be asked', async () => {
  const store = new UndecodedStore({
    rows: async <Row>() =>
      [{ recordPartition: 1, schemaId: FOREIGN, recordOffset: '3' }] as unknown as readonly Row[],
  });
  expect(await firstOpen(store)).toEqual([[1, 3]]);
});
