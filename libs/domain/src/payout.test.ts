/** Payout: which rule fits, and percentages exact to the micro-unit. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_MICROS, type Money } from './money.ts';
import { type PayoutRule, payoutOf } from './payout.ts';

const euros = (micros: bigint): Money => ({ micros, currency: 'EUR' });
const fixed = (micros: bigint, partnerId: string | null = null, eventType = 'sale'): PayoutRule => ({
  eventType,
  partnerId,
  kind: 'fixed',
  amount: euros(micros),
});
const percent = (percentMicros: bigint, partnerId: string | null = null): PayoutRule => ({
  eventType: 'sale',
  partnerId,
  kind: 'percent',
  percentMicros,
});
const sale = { eventType: 'sale', partnerId: 'p-1', revenue: euros(49_900_000n) };

describe('which rule', () => {
  it.each<[string, Partial<typeof sale> | { partnerId: null }, PayoutRule[], bigint | null]>([
    ['none for the event type', {}, [fixed(1n, null, 'lead')], null],
    ['none for this partner', {}, [fixed(1n, 'p-2')], null],
    ['the one for all', {}, [fixed(1n)], 1n],
    ['the one for the partner before the one for all', {}, [fixed(1n), fixed(2n, 'p-1')], 2n],
    ['the first that fits', {}, [fixed(1n), fixed(2n)], 1n],
    ['no partner, so the one for all', { partnerId: null }, [fixed(2n, 'p-1'), fixed(1n)], 1n],
    ['no partner and only rules for partners', { partnerId: null }, [fixed(2n, 'p-1')], null],
  ])('%s', (_name, changes, rules, micros) => {
    expect(payoutOf({ ...sale, ...changes }, rules)?.money.micros ?? null).toBe(micros);
  });

  it('names the rule', () => {
    expect(payoutOf(sale, [fixed(1n)])?.rule).toBe('sale:fixed');
    expect(payoutOf(sale, [percent(1n)])?.rule).toBe('sale:percent');
  });

  it('pays a fixed amount whatever the revenue, in its own currency', () => {
    expect(payoutOf({ ...sale, revenue: null }, [fixed(5n)])).toEqual({
      money: euros(5n),
      rule: 'sale:fixed',
    });
  });

  it('knows no percentage of a revenue that was not sent', () => {
    expect(payoutOf({ ...sale, revenue: null }, [percent(30_000_000n)])).toBeNull();
  });
});

describe('percentages', () => {
  it.each([
    ['30 %', 49_900_000n, 30_000_000n, 14_970_000n],
    ['12.5 %', 10_000_000n, 12_500_000n, 1_250_000n],
    ['100 %', 7n, 100_000_000n, 7n],
    ['0 %', 7n, 0n, 0n],
    ['half a micro-unit, to even down', 1n, 50_000_000n, 0n],
    ['one and a half, to even up', 3n, 50_000_000n, 2n],
    ['a third of a percent', 100_000_000n, 333_333n, 333_333n],
    ['of the largest amount', MAX_MICROS, 100_000_000n, MAX_MICROS],
  ])('%s', (_name, revenue, percentMicros, payout) => {
    expect(payoutOf({ ...sale, revenue: euros(revenue) }, [percent(percentMicros)])?.money).toEqual(
      euros(payout),
    );
  });

  it('lose less than one micro-unit and never exceed a whole', () => {
    const anyRevenue = fc.bigInt({ min: 0n, max: MAX_MICROS });
    const anyShare = fc.bigInt({ min: 0n, max: 100_000_000n });
    fc.assert(
      fc.property(anyRevenue, anyShare, (revenue, share) => {
        const micros = payoutOf({ ...sale, revenue: euros(revenue) }, [percent(share)])?.money.micros ?? -1n;
        const rest = micros * 100_000_000n - revenue * share;
        expect((rest < 0n ? -rest : rest) * 2n <= 100_000_000n).toBe(true);
        expect(micros >= 0n && micros <= revenue).toBe(true);
      }),
    );
  });
});

it('is none where a percentage comes to more than money can hold', () => {
  const rules: PayoutRule[] = [
    { eventType: 'sale', partnerId: null, kind: 'percent', percentMicros: 1_000_000_000n },
  ];
  const revenue = { micros: MAX_MICROS, currency: 'EUR' };
  expect(payoutOf({ eventType: 'sale', partnerId: null, revenue }, rules)).toBeNull();
});
