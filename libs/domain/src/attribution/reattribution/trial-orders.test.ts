/** A trial of orders tells beforehand which of them lead to what the run has found: all but those that first-come places hinder. */
import { expect, it } from 'vitest';
import { aClick, aReport, clickIdOf, HOUR_MS, Lane, NOON, TERMS } from '../attribution.fixture.ts';
import type { OfferTerms } from '../terms.ts';
import { changedRules } from './changed-rules.ts';
import { termsToOrder } from './ordering-terms.ts';
import { NO_COUNTERS, replay } from './replay.ts';
import { tryOrders } from './trial-orders.ts';

const AS_OF = NOON + 48 * HOUR_MS;
const CAPPED: Partial<OfferTerms> = {
  caps: [
    {
      capId: 'one',
      partnerId: null,
      isPerPartner: false,
      eventType: null,
      period: 'day',
      limit: { kind: 'count', count: 1 },
    },
  ],
};

/** Two sales of customers who clicked at p-1 and then at p-2, decided by some terms and then ordered by others. */
function trial(terms: Partial<OfferTerms>, others: Partial<OfferTerms>): number {
  const lane = new Lane(terms);
  const clicks = [1, 2].flatMap((customer) =>
    [1, 2].map((touch) =>
      aClick({
        clickId: clickIdOf(customer * 10 + touch),
        partnerId: `p-${touch}`,
        customerId: `c-${customer}`,
        clickedAt: NOON - (3 - touch) * HOUR_MS,
        receivedAt: NOON - (3 - touch) * HOUR_MS,
      }),
    ),
  );
  for (const click of clicks) lane.ledger.showClick(click);
  const reports = [1, 2].map((customer) =>
    aReport({
      receiptId: `r-${customer}`,
      transactionId: `order-${customer}`,
      customerId: `c-${customer}`,
      clickId: clickIdOf(customer * 10 + 2),
      position: { partition: 0, offset: customer },
    }),
  );
  for (const report of reports) lane.report(report);
  const rules = changedRules(() => lane.ledger, {
    change: (inForce) => ({ ...inForce, ...others }),
    period: { from: 0, to: AS_OF },
    linksPersons: false,
  });
  const recorded = {
    lane: 'acme',
    before: [],
    postbacks: reports.map((report) => ({ report, configurationVersion: 1 })),
    revisions: lane.revisions,
    clicks,
  };
  const { decided } = replay(recorded, rules, AS_OF);
  const orders = [...decided.values()].flatMap((wanted) => {
    const before = lane.ledger.conversion(wanted.conversionId);
    const ordered = before === undefined ? null : termsToOrder({ before, after: wanted }, rules);
    return ordered === null ? [] : [{ wanted, terms: ordered }];
  });
  expect(orders.length).toBeGreaterThan(0);
  return tryOrders(recorded, NO_COUNTERS, lane.ledger, orders, AS_OF).size;
}

it.each([
  { name: 'another model', terms: {}, others: { model: 'linear' as const }, otherwise: 0 },
  { name: 'another payout', terms: {}, others: { payouts: [] }, otherwise: 0 },
  { name: 'a cap that was not there', terms: {}, others: CAPPED, otherwise: 1 },
  { name: 'a cap that goes', terms: CAPPED, others: { caps: TERMS.caps }, otherwise: 0 },
])('$name: $otherwise come out otherwise', ({ terms, others, otherwise }) => {
  expect(trial(terms, others)).toBe(otherwise);
});
