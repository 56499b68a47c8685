/** The text of a counter, which names it to ClickHouse and in memory. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { counterKey, counterNameIn } from './counter-keys.ts';

it('is the text that the feeds of places make', () => {
  expect(counterKey('acme\u0000shoes:daily', 86_400_000)).toBe('86400000:acme\u0000shoes:daily');
});

it('gives back what it was made of, whatever the key holds', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer(), (key, periodStart) => {
      expect(counterNameIn(counterKey(key, periodStart))).toEqual({ key, periodStart });
    }),
  );
});
