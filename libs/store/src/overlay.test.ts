/** The overlay: own results stay until the store shows their place in the log, and not a record longer. */
import { beforeEach, expect, it } from 'vitest';
import { Overlay } from './overlay.ts';

let overlay: Overlay<string>;

beforeEach(() => {
  overlay = new Overlay();
  overlay.set('a', 'first', { partition: 0, offset: 5 });
  overlay.set('b', 'other', { partition: 1, offset: 0 });
});

it('gives what was noted last', () => {
  overlay.set('a', 'second', { partition: 0, offset: 6 });
  expect([overlay.get('a'), overlay.get('b'), overlay.get('c'), overlay.size]).toEqual([
    'second',
    'other',
    undefined,
    2,
  ]);
});

it.each<[string, [number, number][], string[]]>([
  ['nothing stored', [], ['a', 'b']],
  [
    'committed nothing',
    [
      [0, -1],
      [1, -1],
    ],
    ['a', 'b'],
  ],
  [
    'stored up to the record',
    [
      [0, 5],
      [1, 0],
    ],
    ['a', 'b'],
  ],
  ['stored the record', [[0, 6]], ['b']],
  [
    'stored both',
    [
      [0, 6],
      [1, 1],
    ],
    [],
  ],
  ['stored another partition', [[7, 100]], ['a', 'b']],
])('forgets what the store shows: %s', (_name, stored, kept) => {
  overlay.evict(new Map(stored));
  expect(['a', 'b'].filter((id) => overlay.get(id) !== undefined)).toEqual(kept);
});

it('keeps a newer result when the older one is stored', () => {
  overlay.set('a', 'second', { partition: 0, offset: 9 });
  overlay.evict(new Map([[0, 6]]));
  expect(overlay.get('a')).toBe('second');
});

it('can be emptied', () => {
  overlay.clear();
  expect([overlay.size, overlay.get('a')]).toEqual([0, undefined]);
});
