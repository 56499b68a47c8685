/** Refunds and chargebacks: which original, how much, in which order, and what both revisions say. */
import { describe, expect, it } from 'vitest';
import {
  aClick,
  aRefund,
  aReport,
  CLICK,
  clickIdOf,
  HOUR_MS,
  Lane,
  NOON,
  PARKED_FOR_MS,
  TERMS,
} from './attribution.fixture.ts';
import type { Report } from './report.ts';

const SALE = aReport({ clickId: CLICK.clickId });

/** Every order of a list. */
function permutations<V>(values: readonly V[]): V[][] {
  if (values.length <= 1) return [[...values]];
  return values.flatMap((value, index) =>
    permutations([...values.slice(0, index), ...values.slice(index + 1)]).map((rest) => [value, ...rest]),
  );
}

function decided(...reports: readonly Report[]): Lane {
  const lane = new Lane();
  lane.click(aClick());
  for (const report of reports) lane.report(report);
  return lane;
}

function taken(
  lane: Lane,
  ...refunds: readonly Report[]
): readonly (readonly [bigint | undefined, bigint | undefined])[] {
  return refunds.map((refund) => {
    const { revenue, payout } = lane.of(refund).outcome;
    return [revenue?.micros, payout?.micros];
  });
}

describe('the sums', () => {
  it('of three partial refunds with the order’s id, one of them retried, are right in all orders', () => {
    const partial = (number: number) => aRefund(number, 20_000_000n, { reversalId: null });
    const retry = { ...partial(2), receiptId: 'again', receivedAt: NOON + 9 * HOUR_MS };
    const orders = permutations([SALE, partial(1), partial(2), retry, partial(3)]);
    for (const order of orders) {
      const lane = decided(...order);
      expect(lane.of(SALE).outcome).toMatchObject({
        state: 'payable',
        reversedRevenueMicros: 60_000_000n,
        reversedPayoutMicros: 6_000_000n,
      });
      expect(lane.ledger.conversions).toHaveLength(4);
    }
    expect(orders).toHaveLength(120);
  });

  it('are never more than was earned: the last by when it occurred gets what is left', () => {
    const refunds = [aRefund(1, 60_000_000n), aRefund(2, 60_000_000n), aRefund(3, 60_000_000n)];
    for (const order of permutations([SALE, ...refunds])) {
      const lane = decided(...order);
      expect(taken(lane, ...refunds)).toEqual([
        [-60_000_000n, -6_000_000n],
        [-40_000_000n, -4_000_000n],
        [0n, 0n],
      ]);
      expect(lane.of(SALE).outcome).toMatchObject({
        state: 'reversed',
        reversedRevenueMicros: 100_000_000n,
        reversedPayoutMicros: 10_000_000n,
      });
      expect(refunds.map((refund) => lane.of(refund).outcome.reasonCodes)).toEqual([
        [],
        ['amount_limited'],
        ['nothing_left'],
      ]);
    }
  });

  it('of the payout are rounded once: what was paid is taken back to the micro-unit', () => {
    const sale = { ...SALE, revenueMicros: 100n };
    const refunds = [1, 2, 3].map((number) => aRefund(number, number === 3 ? null : 33n));
    const lane = decided(sale, ...refunds);
    expect(taken(lane, ...refunds)).toEqual([
      [-33n, -3n],
      [-33n, -4n],
      [-34n, -3n],
    ]);
  });

  it('take back from every partner what it got', () => {
    const lane = new Lane({ model: 'linear' });
    for (const number of [1, 2, 3])
      lane.click(aClick({ clickId: clickIdOf(number), partnerId: `p-${number}`, customerId: 'c' }));
    lane.report({ ...SALE, customerId: 'c' });
    const refunds = [aRefund(1, 33_333_333n), aRefund(2, 33_333_333n), aRefund(3, null)];
    for (const refund of refunds) lane.report(refund);
    for (const { clickId, micros } of lane.of(SALE).outcome.payoutParts) {
      const parts = refunds.flatMap((refund) =>
        lane.of(refund).outcome.payoutParts.filter((part) => part.clickId === clickId),
      );
      expect(parts.reduce((sum, part) => sum + part.micros, 0n)).toBe(-micros);
    }
  });

  it.each<[string, Partial<Report>, string, string[]]>([
    ['pending', { status: 'pending' }, 'pending', []],
    ['rejected', { status: 'rejected' }, 'rejected', ['rejected_by_source']],
    ['of another currency', { currency: 'USD' }, 'held', ['currency_differs']],
  ])('%s takes nothing', (_name, changes, state, reasonCodes) => {
    const refund = aRefund(1, 50_000_000n, changes);
    const lane = decided(SALE, refund);
    expect(lane.of(refund).outcome).toMatchObject({
      state,
      reasonCodes,
      revenue: { micros: 0n },
      askedMicros: 50_000_000n,
    });
    expect(lane.of(SALE).outcome).toMatchObject({ state: 'payable', reversedRevenueMicros: null });
  });

  it('of a rejected original are nothing, and stand again when it is approved after all', () => {
    const lane = new Lane({}, { repeatModes: { sale: 'update' } });
    lane.click(aClick());
    const refund = aRefund(1, 50_000_000n);
    lane.report({ ...SALE, status: 'rejected' });
    lane.report(refund);
    expect(lane.of(refund).outcome).toMatchObject({
      state: 'rejected',
      reasonCodes: ['original_rejected'],
      revenue: { micros: 0n },
    });
    lane.report({ ...SALE, receiptId: 'update', receivedAt: NOON + HOUR_MS });
    expect(taken(lane, refund)).toEqual([[-50_000_000n, -5_000_000n]]);
  });

  it('of an original without revenue are its whole payout, once', () => {
    const lane = new Lane({
      payouts: [
        { eventType: 'lead', partnerId: null, kind: 'fixed', amount: { micros: 5n, currency: 'EUR' } },
      ],
    });
    lane.click(aClick());
    const lead = { ...SALE, eventType: 'lead', revenueMicros: null };
    const refunds = [aRefund(1, null), aRefund(2, 1n)];
    for (const report of [lead, ...refunds]) lane.report(report);
    expect(lane.of(lead).outcome).toMatchObject({
      state: 'reversed',
      reversedRevenueMicros: null,
      reversedPayoutMicros: 5n,
    });
    expect(taken(lane, ...refunds)).toEqual([
      [undefined, -5n],
      [undefined, 0n],
    ]);
  });
});

describe('the original', () => {
  const subscription = aReport({ receiptId: 's', eventType: 'subscription_started', clickId: CLICK.clickId });
  const bonus = aReport({ receiptId: 'b', eventType: 'bonus', clickId: CLICK.clickId });
  const free = aReport({
    receiptId: 'f',
    eventType: 'sale',
    clickId: CLICK.clickId,
    revenueMicros: null,
    currency: null,
  });

  it.each<[string, readonly Report[], Report]>([
    ['a sale before a subscription', [subscription, SALE], SALE],
    ['a subscription before other classes', [bonus, subscription], subscription],
    ['one with revenue before one without', [free, bonus], bonus],
  ])('is %s, in every order', (_name, originals, original) => {
    const refund = aRefund(1, 10_000_000n);
    for (const order of permutations([...originals, refund])) {
      const lane = decided(...order);
      expect(lane.of(refund).outcome.originalConversionId).toBe(lane.of(original).conversionId);
      const others = originals.filter((report) => report !== original);
      expect(others.map((report) => lane.of(report).outcome.reversedRevenueMicros)).toEqual(
        others.map(() => null),
      );
    }
  });

  it('is waited for, with nothing taken, and the wait ends without an end of the matter', () => {
    const refund = aRefund(1, 10_000_000n, { receivedAt: NOON });
    const lane = new Lane();
    lane.click(aClick());
    expect(lane.report(refund)).toMatchObject({ verdict: 'parked', reasonCode: 'awaits_original' });
    expect(lane.of(refund).outcome).toMatchObject({
      match: 'parked',
      state: 'held',
      revenue: { micros: 0n },
      parkedUntil: NOON + PARKED_FOR_MS,
    });
    lane.passTo(NOON + PARKED_FOR_MS);
    expect(lane.of(refund).outcome).toMatchObject({
      match: 'unattributed',
      state: 'held',
      reasonCodes: ['awaits_original', 'deadline_passed'],
    });
    lane.report(SALE);
    expect(lane.of(refund)).toMatchObject({
      decidedAt: { trigger: 'release' },
      outcome: { match: 'attributed', matchedBy: 'original', state: 'payable' },
    });
  });

  it('is none of a test, of another lane, or of nothing', () => {
    for (const changes of [{ isTest: true }, { lane: 'acme-2' }, { transactionId: null }]) {
      const refund = aRefund(1, 10_000_000n, changes);
      expect(decided(SALE, refund).of(refund).outcome.reasonCodes).toEqual(['awaits_original']);
    }
  });

  it('lends its state to the money that goes back', () => {
    const refund = aRefund(1, 10_000_000n);
    expect(decided({ ...SALE, status: 'pending' }, refund).of(refund).outcome.state).toBe('pending');
    const lane = new Lane({ condition: { eventType: 'x', withinMs: HOUR_MS } });
    lane.click(aClick());
    for (const report of [SALE, refund]) lane.report(report);
    expect(lane.of(refund).outcome.state).toBe('held');
  });

  it('lends its click, and the one a refund names is never read', () => {
    const refund = aRefund(1, 10_000_000n, { clickId: clickIdOf(7) });
    const lane = decided(SALE);
    lane.click(aClick({ clickId: clickIdOf(7), advertiserId: 'other' }));
    lane.report(refund);
    expect(lane.of(refund).outcome).toMatchObject({
      match: 'attributed',
      winner: { clickId: CLICK.clickId },
      credits: [{ clickId: CLICK.clickId }],
    });
  });

  it('that is attributed late takes its reversals along', () => {
    const refund = aRefund(1, 10_000_000n);
    const lane = new Lane({ ...TERMS });
    for (const report of [SALE, refund]) lane.report(report);
    expect(lane.of(refund).outcome).toMatchObject({
      match: 'parked',
      payout: null,
      revenue: { micros: -10_000_000n },
      reasonCodes: ['click_not_found'],
    });
    lane.click(aClick());
    expect(lane.of(refund).outcome).toMatchObject({ match: 'attributed', payout: { micros: -1_000_000n } });
  });
});
