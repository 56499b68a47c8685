/** The difference of a run: kinds of change, and sums of which what moved is told apart from what other rules pay. */
import { describe, expect, it } from 'vitest';
import { aClick, aRefund, aReport, clickIdOf, HOUR_MS, Lane, NOON, TERMS } from '../attribution.fixture.ts';
import type { Conversion } from '../conversion.ts';
import type { OfferTerms } from '../terms.ts';
import { sameRules } from './changed-rules.ts';
import { changesOf, Difference, movedPayout, payoutShares, revenueShares } from './difference.ts';
import { termsToOrder } from './ordering-terms.ts';

const SALE = aReport({ clickId: clickIdOf(2), customerId: 'c-1', revenueMicros: 100_000_001n });

/** A sale of a customer who clicked at p-1, then at p-2; with a refund on request. */
function decidedBy(
  terms: Partial<OfferTerms>,
  { refundMicros, isTest = false }: { refundMicros?: bigint; isTest?: boolean } = {},
): Conversion {
  const lane = new Lane(terms);
  const click = { customerId: 'c-1', isTest };
  lane.ledger.showClick(aClick({ ...click, clickId: clickIdOf(1), clickedAt: NOON - 3 * HOUR_MS }));
  lane.ledger.showClick(aClick({ ...click, clickId: clickIdOf(2), partnerId: 'p-2' }));
  lane.report({ ...SALE, isTest });
  if (refundMicros !== undefined) lane.report(aRefund(1, refundMicros));
  return lane.of({ ...SALE, isTest });
}

const PERCENT = (percentMicros: bigint): Partial<OfferTerms> => ({
  payouts: [{ eventType: 'sale', partnerId: null, kind: 'percent', percentMicros }],
});
const LAST = decidedBy({});
const LINEAR = decidedBy({ model: 'linear' });
const NOBODY = decidedBy({ window: { minMs: 0, maxMs: 1 } });
const DEARER = decidedBy(PERCENT(20_000_000n));
const LINEAR_AND_DEARER = decidedBy({ ...PERCENT(20_000_000n), model: 'linear' });
const FIRST = decidedBy({ model: 'first_click' });
const HELD = decidedBy({ condition: { eventType: 'activation_completed', withinMs: HOUR_MS } });
const IN_DOLLARS: Conversion = {
  ...LAST,
  outcome: { ...LAST.outcome, payout: { micros: 10_000_000n, currency: 'USD' } },
};

it.each([
  { name: 'nothing', before: LAST, after: LAST, kinds: [] },
  { name: 'first click', before: LAST, after: FIRST, kinds: ['winner', 'credits', 'payout'] },
  { name: 'linear', before: LAST, after: LINEAR, kinds: ['credits', 'payout'] },
  { name: 'a dearer payout', before: LAST, after: DEARER, kinds: ['payout'] },
  { name: 'no window', before: LAST, after: NOBODY, kinds: ['match', 'winner', 'credits', 'payout'] },
  { name: 'a condition', before: LAST, after: HELD, kinds: ['state'] },
])('$name changes $kinds', ({ before, after, kinds }) => {
  expect(changesOf({ before, after })).toEqual(kinds);
});

describe('shares', () => {
  it.each([
    { name: 'one click', conversion: LAST, revenue: [['p-2', 100_000_001n]], payout: [['p-2', 10_000_000n]] },
    {
      name: 'two clicks, the odd micro-unit to the smaller id',
      conversion: LINEAR,
      revenue: [
        ['p-1', 50_000_001n],
        ['p-2', 50_000_000n],
      ],
      payout: [
        ['p-1', 5_000_000n],
        ['p-2', 5_000_000n],
      ],
    },
    { name: 'nobody', conversion: NOBODY, revenue: [[null, 100_000_001n]], payout: [] },
    { name: 'held: not owed yet', conversion: HELD, revenue: [['p-2', 100_000_001n]], payout: [] },
  ])('of $name', ({ conversion, revenue, payout }) => {
    expect([...revenueShares(conversion)]).toEqual(revenue);
    expect([...payoutShares(conversion)]).toEqual(payout);
  });

  it('of what is taken back are still owed: the reversal stands against them', () => {
    const reversed = decidedBy({}, { refundMicros: 100_000_001n });
    expect(reversed.outcome.state).toBe('reversed');
    expect([...payoutShares(reversed)]).toEqual([['p-2', 10_000_000n]]);
  });
});

describe('what moved', () => {
  it.each([
    { name: 'half of it', before: LAST, after: LINEAR, moved: { 'p-1': 5_000_000n, 'p-2': -5_000_000n } },
    { name: 'all of it', before: LAST, after: FIRST, moved: { 'p-1': 10_000_000n, 'p-2': -10_000_000n } },
    {
      name: 'half of what was paid before, whatever is paid now',
      before: LAST,
      after: LINEAR_AND_DEARER,
      moved: { 'p-1': 5_000_000n, 'p-2': -5_000_000n },
    },
    { name: 'nothing where only the payout is other', before: LAST, after: DEARER, moved: {} },
    { name: 'nothing where nobody is paid now', before: LAST, after: NOBODY, moved: {} },
    { name: 'nothing where nobody was paid', before: NOBODY, after: LAST, moved: {} },
    { name: 'nothing where the currency is another', before: LAST, after: IN_DOLLARS, moved: {} },
  ])('is $name', ({ before, after, moved }) => {
    expect(Object.fromEntries(movedPayout({ before, after }))).toEqual(moved);
  });
});

describe('a difference', () => {
  it('sums by measure, currency and partner', () => {
    const difference = new Difference();
    difference.add({ before: LAST, after: LINEAR_AND_DEARER });
    difference.add({ before: LAST, after: LAST });
    expect(difference.summary).toMatchObject({
      compared: 2,
      changed: 1,
      moved: 1,
      unbalanced: 0,
      byKind: { match: 0, winner: 0, credits: 1, payout: 1, state: 0 },
    });
    const rows = difference.summary.partners.map(({ measure, partnerId, before, after, moved }) => [
      measure,
      partnerId,
      before,
      after,
      moved,
    ]);
    expect(rows).toEqual([
      ['payout', 'p-1', 0n, 10_000_000n, 5_000_000n],
      ['payout', 'p-2', 20_000_000n, 20_000_000n, -5_000_000n],
      ['revenue', 'p-1', 0n, 50_000_001n, 50_000_001n],
      ['revenue', 'p-2', 200_000_002n, 150_000_001n, -50_000_001n],
    ]);
  });

  it('leaves tests out, and shows ten examples at most', () => {
    const difference = new Difference();
    const options = { isTest: true };
    difference.add({ before: decidedBy({}, options), after: decidedBy({ model: 'linear' }, options) });
    expect(difference.summary).toMatchObject({ compared: 0, changed: 0, partners: [] });
    for (let n = 0; n < 12; n += 1) difference.add({ before: LAST, after: LINEAR });
    expect(difference.summary.examples).toHaveLength(10);
  });
});

describe('the terms to order', () => {
  const rules = (terms: Partial<OfferTerms>) => {
    const { ledger } = new Lane(terms);
    return sameRules(() => ledger);
  };

  it.each([
    { name: 'those of the offer that wins', before: LAST, after: LINEAR, model: 'linear' },
    {
      name: 'those of the offer that won, where nobody does any more',
      before: LAST,
      after: NOBODY,
      model: 'linear',
    },
    { name: 'none where nothing has changed', before: LAST, after: LAST, model: undefined },
    {
      name: 'none where no offer leads to it',
      before: NOBODY,
      after: { ...NOBODY, outcome: { ...NOBODY.outcome, state: 'rejected' as const } },
      model: undefined,
    },
  ])('are $name', ({ before, after, model }) => {
    expect(termsToOrder({ before, after }, rules({ model: 'linear' }))?.model).toBe(model);
  });

  it('keep what was ordered before', () => {
    const ordered = { ...TERMS, payouts: [], halfLifeMs: 5 };
    const after = { ...LINEAR, orders: { ...LINEAR.orders, terms: ordered, model: 'time_decay' as const } };
    expect(termsToOrder({ before: LAST, after }, rules({}))).toEqual({ ...ordered, model: 'time_decay' });
  });
});
