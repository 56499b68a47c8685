/** Since when an entity says what it says: over schedules, removals and what a later release wrote. */
import type { Revision } from '@tributary/configuration';
import { expect, it } from 'vitest';
import { beginning, isRepeated } from './last-change.ts';

/** `name@from`: a document and when it comes into force; `-` a removal, `?` one that cannot be read. */
function historyOf(text: string): Revision<'partner'>[] {
  return text.split(' ').map((each, version) => {
    const [name = '', from] = each.split('@');
    const base = { version, effectiveFrom: Number(from), secrets: {} };
    if (name === '?') return { ...base, entity: null, unreadable: true };
    return { ...base, entity: name === '-' ? null : { id: 'network', name } };
  });
}

it.each([
  ['a@5', 10, 0],
  ['a@5', 4, undefined],
  ['a@1 a@5 a@7', 10, 0],
  ['a@1 b@5 b@7', 10, 1],
  ['a@1 b@5 a@7', 10, 2],
  ['a@1 -@5 a@7', 10, 2],
  ['a@1 ?@5 a@7', 10, 0],
  ['a@1 b@20 a@7', 10, 0],
  // The change for later was forestalled, whether or not its time has come.
  ['a@1 b@20 a@7', 30, 0],
  ['b@1 a@20 a@7', 30, 2],
])('of %s at %d it is revision %s', (history, at, version) => {
  expect(beginning(historyOf(history), at, isRepeated)?.version).toBe(version);
});
