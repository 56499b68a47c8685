/** Every reason code has its own plain sentence, and whatever else stands on record is said honestly. */
import { describe, expect, it } from 'vitest';
import { NAMED_REASONS, REASONS_IN_WORDS, reasonInWords } from './reasons-in-words.ts';

it('has a sentence for every code, and no other', () => {
  expect(Object.keys(REASONS_IN_WORDS).toSorted()).toEqual(NAMED_REASONS.toSorted());
});

it('says something else of every code', () => {
  expect(new Set(Object.values(REASONS_IN_WORDS)).size).toBe(NAMED_REASONS.length);
});

describe.each(NAMED_REASONS)('%s', (code) => {
  it('is one sentence in words, not in codes', () => {
    expect(reasonInWords(code)).toMatch(/^[A-Z][^.]*\.$/);
    expect(reasonInWords(code)).not.toMatch(/_/);
  });
});

it.each([
  ['ordered:by_hand', 'A person ordered it and gave the reason "by_hand".'],
  ['constructor', 'The reason "constructor" is not known to this release.'],
])('%s', (code, sentence) => {
  expect(reasonInWords(code)).toBe(sentence);
});
