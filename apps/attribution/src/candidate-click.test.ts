/** A candidate click holds what a decision needs of a recorded click, and nothing it does not. */
import { aClick } from '@tributary/testing';
import { expect, it } from 'vitest';
import { candidateClickOf } from './candidate-click.ts';

/** What no rule reads and no decision remembers. */
const NOT_KEPT = [
  'utm',
  'referrer',
  'ipHash',
  'consentAdUserData',
  'consentAdPersonalization',
  'costMicros',
  'costCurrency',
  'extras',
  'configurationVersion',
];

it('has each field of the click that is kept, as it is', () => {
  // A value of its own for each field: two that were mixed up would show.
  const click = aClick(Object.fromEntries(Object.keys(aClick()).map((name) => [name, `value of ${name}`])));
  const kept = Object.entries(click).filter(([name]) => !NOT_KEPT.includes(name));
  expect(candidateClickOf(click)).toEqual(Object.fromEntries(kept));
});
