/** Joined look-ups: each question has the rows of its own ids, and every id is asked for once. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { JoinedLookup } from './joined-questions.ts';

interface Row {
  readonly id: string;
  readonly nth: number;
}

let asked: { ids: readonly string[]; answer: (rows: readonly Row[]) => void; fail: (error: Error) => void }[];
let lookup: JoinedLookup<Row>;

const lookupEvery = (everyMs?: number) =>
  new JoinedLookup<Row>(
    (ids) =>
      new Promise((answer, fail) => {
        asked.push({ ids, answer, fail });
      }),
    ({ id }) => id,
    everyMs,
  );

beforeEach(() => {
  asked = [];
  lookup = lookupEvery();
});

afterEach(() => {
  vi.useRealTimers();
});

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Two are under way; the others wait for each other and are asked together. */
async function joined(...questions: readonly (readonly string[])[]) {
  const before = [lookup.rowsOf(['a']), lookup.rowsOf(['b'])];
  const answers = questions.map((ids) => lookup.rowsOf(ids));
  asked[0]?.answer([]);
  await before[0];
  await settle();
  return answers;
}

it('asks for every id once, and answers each question with its own', async () => {
  const [left, right] = await joined(['x', 'y'], ['y', 'z', 'z']);
  expect(asked.map(({ ids }) => ids)).toEqual([['a'], ['b'], ['x', 'y', 'z']]);
  const rows = ['x', 'y', 'y', 'z'].map((id, nth) => ({ id, nth }));
  asked[2]?.answer(rows);
  expect(await left).toEqual([rows[0], rows[1], rows[2]]);
  expect(await right).toEqual([rows[1], rows[2], rows[3]]);
});

it('answers a question for what is not there with nothing', async () => {
  const [missing, none] = await joined(['x'], []);
  asked[2]?.answer([]);
  expect([await missing, await none]).toEqual([[], []]);
});

it('tells an outage to all who asked, and goes on', async () => {
  const [left, right] = await joined(['x'], ['y']);
  asked[2]?.fail(new Error('away'));
  await expect(left).rejects.toThrow('away');
  await expect(right).rejects.toThrow('away');
  asked[1]?.answer([]);
  await settle();
  const later = lookup.rowsOf(['w']);
  asked[3]?.answer([{ id: 'w', nth: 0 }]);
  expect(await later).toHaveLength(1);
});

it('asks at once after an idle time, and joins who comes too soon after a question', async () => {
  vi.useFakeTimers();
  const paced = lookupEvery(50);
  const first = paced.rowsOf(['a']);
  asked[0]?.answer([]);
  await first;
  const soon = [paced.rowsOf(['b']), paced.rowsOf(['c'])];
  await vi.advanceTimersByTimeAsync(49);
  expect(asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(asked.map(({ ids }) => ids)).toEqual([['a'], ['b', 'c']]);
  asked[1]?.answer([]);
  await Promise.all(soon);
  await vi.advanceTimersByTimeAsync(50);
  void paced.rowsOf(['d']);
  expect(asked.map(({ ids }) => ids)).toEqual([['a'], ['b', 'c'], ['d']]);
});

it('does not wait where many ids have come', async () => {
  vi.useFakeTimers();
  const paced = lookupEvery(50);
  void paced.rowsOf(['a']);
  const few = Array.from({ length: 199 }, (_, nth) => `few ${nth}`);
  void paced.rowsOf(few);
  expect(asked).toHaveLength(1);
  void paced.rowsOf(['enough']);
  expect(asked.at(-1)?.ids).toEqual([...few, 'enough']);
  asked[0]?.answer([]);
  void paced.rowsOf(['later']);
  await vi.advanceTimersByTimeAsync(50);
  expect(asked.at(-1)?.ids).toEqual(['later']);
});
