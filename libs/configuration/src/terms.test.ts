/** An offer's terms in the decision core's numbers. */
import { expect, it } from 'vitest';
import { parseDocument } from './entities.ts';
import { termsOf } from './terms.ts';

const parsed = parseDocument('offer', {
  id: 'shoes',
  advertiserId: 'acme',
  name: 'Shoes',
  windows: { default: { minMs: 0, maxMs: 100 }, byEventType: { renewal: { minMs: 50, maxMs: 500 } } },
  payouts: [
    { eventType: 'lead', kind: 'fixed', amount: '2.5', currency: 'EUR' },
    { eventType: 'sale', partnerId: 'network', kind: 'percent', percent: '12.5' },
  ],
});
if (!parsed.ok) throw new Error('the offer does not parse');
const offer = parsed.entity;

it.each([
  ['renewal', 50, 500],
  ['sale', 0, 100],
  ['constructor', 0, 100],
])('the window of %s', (eventType, minMs, maxMs) => {
  expect(termsOf(offer, eventType)).toMatchObject({ minMs, maxMs });
});

it('payouts are exact', () => {
  expect(termsOf(offer, 'sale').payouts).toEqual([
    { eventType: 'lead', partnerId: null, kind: 'fixed', amount: { micros: 2_500_000n, currency: 'EUR' } },
    { eventType: 'sale', partnerId: 'network', kind: 'percent', percentMicros: 12_500_000n },
  ]);
});
