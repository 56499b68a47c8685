/** The rules that follow the log: first of a customer, tiers, caps. */
import { describe, expect, it } from 'vitest';
import {
  aClick,
  aRefund,
  aReport,
  CLICK,
  clickIdOf,
  DAY_MS,
  HOUR_MS,
  Lane,
  NOON,
} from './attribution.fixture.ts';
import type { CapLimit, CapRule } from './caps.ts';
import { capKey } from './keys.ts';
import type { Report } from './report.ts';
import type { OfferTerms } from './terms.ts';

/** Sale number n of the click, 10 EUR of payout each. */
function sale(number: number, changes: Partial<Report> = {}): Report {
  return aReport({
    receiptId: `r-${number}`,
    transactionId: `order-${number}`,
    clickId: CLICK.clickId,
    ...changes,
  });
}

function sold(terms: Partial<OfferTerms>, ...reports: readonly Report[]): Lane {
  const lane = new Lane(terms, { repeatModes: { order: 'update' } });
  lane.click(aClick());
  for (const report of reports) lane.report(report);
  return lane;
}

function payouts(lane: Lane, ...reports: readonly Report[]): readonly (bigint | null)[] {
  return reports.map((report) => lane.of(report).outcome.payout?.micros ?? null);
}

function cap(limit: CapLimit, changes: Partial<CapRule> = {}): CapRule {
  return {
    capId: 'cap',
    partnerId: null,
    isPerPartner: false,
    eventType: null,
    period: 'day',
    limit,
    ...changes,
  };
}

const euros = (units: bigint): CapLimit => ({
  kind: 'payout',
  money: { micros: units * 1_000_000n, currency: 'EUR' },
});

describe('the first of a customer', () => {
  it('is the first in the log, not the first that occurred, and stays it', () => {
    const reports = [
      sale(1, { customerId: 'c' }),
      sale(2, { customerId: 'c', occurredAt: NOON - HOUR_MS }),
      sale(3),
    ];
    const lane = sold({}, ...reports);
    expect(reports.map((report) => lane.of(report).outcome.isFirstOfCustomer)).toEqual([true, false, null]);
  });

  it('is where the customer was named: a customer has one first at most', () => {
    const lane = sold({}, sale(1), sale(2, { customerId: 'c' }), {
      ...sale(1, { customerId: 'c' }),
      receiptId: 'names',
    });
    expect(lane.of(sale(1)).outcome.isFirstOfCustomer).toBe(false);
    expect(lane.of(sale(2)).outcome.isFirstOfCustomer).toBe(true);
  });

  it('is one of each class', () => {
    const lead = sale(2, { eventType: 'lead', customerId: 'c' });
    const lane = sold({}, sale(1, { customerId: 'c' }), lead);
    expect(lane.of(lead).outcome.isFirstOfCustomer).toBe(true);
  });
});

describe('a cap', () => {
  it('on payout pays whole conversions while they fit, in log order', () => {
    const sales = [sale(1), sale(2, { revenueMicros: 150_000_000n }), sale(3)];
    const lane = sold({ caps: [cap(euros(20n))] }, ...sales);
    expect(payouts(lane, ...sales)).toEqual([10_000_000n, null, 10_000_000n]);
    expect(lane.of(sale(2)).outcome).toMatchObject({ state: 'payable', reasonCodes: ['cap_reached'] });
  });

  it('on the number', () => {
    const sales = [sale(1), sale(2), sale(3)];
    const lane = sold({ caps: [cap({ kind: 'count', count: 2 })] }, ...sales);
    expect(payouts(lane, ...sales)).toEqual([10_000_000n, 10_000_000n, null]);
  });

  it('gives nothing back, and takes nothing twice', () => {
    const lane = sold(
      { caps: [cap({ kind: 'count', count: 1 })] },
      sale(1),
      aRefund(1, null, { transactionId: 'order-1' }),
      sale(2),
    );
    expect(payouts(lane, sale(2))).toEqual([null]);
    lane.report({ ...sale(1), receiptId: 'again', taxMicros: 1n });
    expect(lane.of(sale(1)).firstCome.caps).toHaveLength(1);
  });

  it('gives every lane its own places', () => {
    const sales = [sale(1), sale(2, { lane: 'acme-app' }), sale(3)];
    const lane = sold({ caps: [cap({ kind: 'count', count: 1 })] }, ...sales);
    expect(payouts(lane, ...sales)).toEqual([10_000_000n, 10_000_000n, null]);
  });

  it('takes no place of any cap unless all give one', () => {
    const caps = [cap({ kind: 'count', count: 5 }, { capId: 'wide' }), cap(euros(5n), { capId: 'narrow' })];
    const lane = sold({ caps }, sale(1));
    expect(payouts(lane, sale(1))).toEqual([null]);
    expect(lane.ledger.capUse(capKey('acme', 'wide'), Date.UTC(2026, 0, 5))).toEqual({
      count: 0,
      payoutMicros: 0n,
    });
  });

  it('counts by the day in which it occurred', () => {
    const sales = [sale(1), sale(2, { occurredAt: NOON + DAY_MS })];
    const lane = sold({ caps: [cap({ kind: 'count', count: 1 })] }, ...sales);
    expect(payouts(lane, ...sales)).toEqual([10_000_000n, 10_000_000n]);
  });

  it('lets an update grow into what is left, else the payout stays', () => {
    const order = sale(1, { eventType: 'order' });
    const update = (number: number, revenueMicros: bigint) => ({
      ...order,
      receiptId: `u-${number}`,
      receivedAt: NOON + number * HOUR_MS,
      revenueMicros,
    });
    const payoutRules = [
      { eventType: 'order', partnerId: null, kind: 'percent' as const, percentMicros: 10_000_000n },
    ];
    const lane = sold({ caps: [cap(euros(20n))], payouts: payoutRules }, order, update(1, 150_000_000n));
    expect(payouts(lane, order)).toEqual([15_000_000n]);
    lane.report(update(2, 250_000_000n));
    expect(payouts(lane, order)).toEqual([15_000_000n]);
    expect(lane.of(order).outcome.reasonCodes).toEqual(['cap_reached']);
    lane.report(update(3, 50_000_000n));
    expect(payouts(lane, order)).toEqual([5_000_000n]);
    expect(lane.ledger.capUse(capKey('acme', 'cap'), Date.UTC(2026, 0, 5)).payoutMicros).toBe(15_000_000n);
  });

  it('is asked by what is pending or held, not by what is parked, rejected or a test', () => {
    const lane = new Lane({ caps: [cap({ kind: 'count', count: 1 })] });
    lane.click(aClick());
    lane.click(aClick({ clickId: clickIdOf(2), isTest: true }));
    lane.report(sale(1, { status: 'rejected' }));
    lane.report(sale(2, { clickId: clickIdOf(9) }));
    lane.report(sale(3, { isTest: true, clickId: clickIdOf(2) }));
    lane.report(sale(4, { status: 'pending' }));
    lane.report(sale(5));
    expect(payouts(lane, sale(3, { isTest: true }), sale(4), sale(5))).toEqual([
      10_000_000n,
      10_000_000n,
      null,
    ]);
  });

  it('serves those that one click lets through in the order of the log', () => {
    const lane = new Lane({ caps: [cap({ kind: 'count', count: 1 })] });
    lane.report(sale(1, { occurredAt: NOON + HOUR_MS }));
    lane.report(sale(2));
    lane.click(aClick());
    expect(payouts(lane, sale(1), sale(2))).toEqual([10_000_000n, null]);
  });
});

describe('tiers', () => {
  const payoutRules = [
    {
      eventType: 'sale',
      partnerId: null,
      kind: 'count_tiers' as const,
      tiers: [1n, 3n].map((from) => ({
        from,
        pays: { kind: 'fixed' as const, amount: { micros: from, currency: 'EUR' } },
      })),
    },
  ];

  it('pay by the number in log order, which a conversion keeps', () => {
    const sales = [sale(1), sale(2), sale(3), sale(4)];
    const lane = sold({ payouts: payoutRules }, ...sales);
    expect(payouts(lane, ...sales)).toEqual([1n, 1n, 3n, 3n]);
    lane.report({ ...sale(1), receiptId: 'again', taxMicros: 1n });
    expect(payouts(lane, sale(1))).toEqual([1n]);
  });

  it('begin anew each month', () => {
    const sales = [sale(1), sale(2), sale(3, { occurredAt: NOON + 29 * DAY_MS })];
    expect(payouts(sold({ payouts: payoutRules }, ...sales), ...sales)).toEqual([1n, 1n, 1n]);
  });
});
