/** Names that change: what was told under one is told under no other. */
import { expect, it } from 'vitest';
import type { Holding } from './holding.ts';
import { begun, endedAs, withdrawn } from './holding-changes.ts';
import { givingWay, mayBeRenamed } from './names.ts';

const intended = begun(null, {
  kind: 'event',
  revision: 1,
  told: { amounts: { revenue: null, payout: null }, state: 'payable' },
});
const delivered = endedAs(intended, 'delivered', false);
const dead = endedAs(intended, 'dead', false);
const doubtful = endedAs(intended, 'dead', true);
const rehearsed = endedAs(intended, 'rehearsed', false);
const toldLater = { ...delivered, revision: 2 };
const at = (holding: Holding | null, destinationId = 'partner') => ({ destinationId, holding });

it.each<[string, readonly (Holding | null)[], Holding, readonly number[]]>([
  ['a new name gives way to what was told', [null], delivered, [0]],
  ['to what may have been told', [null], doubtful, [0]],
  ['to what was rehearsed', [null], rehearsed, [0]],
  ['but not to what nobody was told', [null], dead, []],
  ['so does one that was withdrawn and has come back', [withdrawn(dead)], delivered, [0]],
  ['one gives way to one: the new before the withdrawn', [withdrawn(dead), null], delivered, [1]],
  ['what has failed under its name does not', [dead], delivered, []],
  ['but does to what a later revision was told by', [dead], toldLater, [0]],
  ['unless it may have arrived itself', [doubtful], toldLater, []],
  ['nor what was told under it', [delivered], delivered, []],
])('%s', (_name, asked, kept, expected) => {
  const named = asked.map((holding) => at(holding));
  const way = givingWay(named, [at(kept)]);
  expect([...way].map((each) => named.indexOf(each))).toEqual(expected);
});

it('gives way to nothing at another destination', () => {
  expect(givingWay([at(null)], [at(delivered, 'other')]).size).toBe(0);
});

it.each<[string, Holding, boolean]>([
  ['dead', dead, true],
  ['refused', endedAs(intended, 'refused', false), true],
  ['dead, and may have arrived', doubtful, false],
  ['under way', intended, false],
  ['delivered', delivered, false],
  ['withdrawn', withdrawn(intended), false],
  ['rehearsed', rehearsed, false],
  ['a correction', endedAs(begun(delivered, { ...intended, kind: 'restate' }), 'dead', false), false],
])('an event may be renamed: %s', (_name, holding, expected) => {
  expect(mayBeRenamed(holding)).toBe(expected);
});
