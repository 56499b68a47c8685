/** Ordered terms survive their text, with everything in them that JSON has no form for. */
import { expect, it } from 'vitest';
import { TERMS } from './attribution.fixture.ts';
import { isSame } from './ordering.ts';
import type { OfferTerms } from './terms.ts';
import { termsIn, termsText } from './terms-text.ts';

const cases: readonly (readonly [string, Partial<OfferTerms>])[] = [
  ['of the standard', {}],
  [
    'with money',
    { payouts: [{ eventType: 'sale', partnerId: 'p-1', kind: 'percent', percentMicros: -(2n ** 63n) }] },
  ],
  [
    'with values that look like the forms',
    {
      abuse: {
        ...TERMS.abuse,
        blockedSubIds: {
          values: new Map([
            ['$bigint', new Set(['1', '$set'])],
            ['sub1', new Set<string>()],
          ]),
          action: 'hold',
        },
      },
    },
  ],
  [
    'with a map that is empty',
    { abuse: { ...TERMS.abuse, blockedSubIds: { values: new Map(), action: 'reject' } } },
  ],
];

it.each(cases)('terms %s', (_name, changes) => {
  const terms = { ...TERMS, ...changes };
  const restored = termsIn(termsText(terms));
  expect(restored).toEqual(terms);
  expect(isSame(restored, terms)).toBe(true);
});

it('are written in the forms that the schema of the record names', () => {
  const text = termsText({
    ...TERMS,
    abuse: {
      ...TERMS.abuse,
      blockedSubIds: { values: new Map([['sub1', new Set(['bad'])]]), action: 'reject' },
    },
  });
  expect(text).toContain('"percentMicros":{"$bigint":"10000000"}');
  expect(text).toContain('"values":{"$map":[["sub1",{"$set":["bad"]}]]}');
});
