/** Payout: which rule fits, what a percentage is of, tiers, exchange, and one rounding at the end. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ExchangeRates, NO_EXCHANGE_RATES, parseExchangeRate } from './attribution/exchange.ts';
import { MAX_MICROS, type Money } from './money.ts';
import {
  PAYOUT_REASONS,
  type PayoutInput,
  type PayoutReason,
  type PayoutRule,
  type PayoutTier,
  payoutOf,
  tierPeriodOf,
} from './payout.ts';

const euros = (micros: bigint): Money => ({ micros, currency: 'EUR' });
const dollars = (micros: bigint): Money => ({ micros, currency: 'USD' });
const PERCENT = 1_000_000n;

type Terms = Partial<Pick<PayoutRule, 'eventType' | 'firstOfCustomerOnly' | 'currency' | 'defaultValue'>> & {
  partnerId?: string | null;
};
const forAll = { eventType: 'sale', partnerId: null };
const fixed = (micros: bigint, terms: Terms = {}): PayoutRule => ({
  ...forAll,
  ...terms,
  kind: 'fixed',
  amount: euros(micros),
});
const percent = (
  percentMicros: bigint,
  { netOf, ...terms }: Terms & { netOf?: readonly ('tax' | 'shipping')[] } = {},
): PayoutRule => ({
  ...forAll,
  ...terms,
  kind: 'percent',
  percentMicros,
  ...(netOf !== undefined && { netOf }),
});
const tier = (from: bigint, pays: Money | bigint): PayoutTier => ({
  from,
  pays: typeof pays === 'bigint' ? { kind: 'percent', percentMicros: pays } : { kind: 'fixed', amount: pays },
});

const SALE: PayoutInput = {
  eventType: 'sale',
  partnerId: 'p-1',
  revenue: euros(49_900_000n),
  taxMicros: null,
  shippingMicros: null,
  isFirstOfCustomer: null,
  tierPosition: 0,
  rates: NO_EXCHANGE_RATES,
};

const paid = (changes: Partial<PayoutInput>, ...rules: readonly PayoutRule[]) =>
  payoutOf({ ...SALE, ...changes }, rules);

/** The micros, or the reasons where there is no money. */
const outcome = (changes: Partial<PayoutInput>, ...rules: readonly PayoutRule[]) => {
  const payout = paid(changes, ...rules);
  return payout === null ? null : (payout.money?.micros ?? payout.reasons.join());
};

function ratesOf(...pairs: readonly (readonly [string, string, string])[]): ExchangeRates {
  return {
    rate(from, to) {
      const rate = pairs.find(([f, t]) => f === from && t === to)?.[2];
      const parsed = rate === undefined ? null : parseExchangeRate(rate);
      return parsed === null ? null : { id: `${from}-${to}@7`.toLowerCase(), from, to, ...parsed };
    },
  };
}

describe('which rule', () => {
  const first = { firstOfCustomerOnly: true };

  it.each<[string, Partial<PayoutInput>, PayoutRule[], bigint | string | null]>([
    ['none for the event type', {}, [fixed(1n, { eventType: 'lead' })], null],
    ['none for this partner', {}, [fixed(1n, { partnerId: 'p-2' })], null],
    ['the one for all', {}, [fixed(1n)], 1n],
    ['the one for the partner before the one for all', {}, [fixed(1n), fixed(2n, { partnerId: 'p-1' })], 2n],
    ['the first that fits', {}, [fixed(1n), fixed(2n, { partnerId: 'p-1' })].toReversed(), 2n],
    ['no partner: the one for all', { partnerId: null }, [fixed(2n, { partnerId: 'p-1' }), fixed(1n)], 1n],
    ['no partner and only rules for partners', { partnerId: null }, [fixed(2n, { partnerId: 'p-1' })], null],
    ['for a first customer', { isFirstOfCustomer: true }, [fixed(1n), fixed(3n, first)], 3n],
    ['for a customer who came again', { isFirstOfCustomer: false }, [fixed(1n), fixed(3n, first)], 1n],
    ['for a customer nobody knows', { isFirstOfCustomer: null }, [fixed(1n), fixed(3n, first)], 1n],
    [
      'only first customers, and this is none',
      { isFirstOfCustomer: false },
      [fixed(3n, first)],
      'not_first_of_customer',
    ],
    ['only first customers, and nobody knows', {}, [fixed(3n, first)], 'customer_unknown'],
    [
      "the partner's for everybody before one for all first customers",
      { isFirstOfCustomer: true },
      [fixed(3n, first), fixed(2n, { partnerId: 'p-1' })],
      2n,
    ],
    [
      "the partner's for first customers is passed over for the one for all",
      { isFirstOfCustomer: false },
      [fixed(1n), fixed(4n, { ...first, partnerId: 'p-1' })],
      1n,
    ],
  ])('%s', (_name, changes, rules, expected) => {
    expect(outcome(changes, ...rules)).toBe(expected);
  });

  it('is named, and what was passed over is told', () => {
    expect(paid({}, fixed(1n))).toEqual({
      money: euros(1n),
      rule: 'sale:fixed',
      exchangeRateId: null,
      reasons: [],
    });
    expect(paid({}, percent(1n))?.rule).toBe('sale:percent');
    expect(paid({ isFirstOfCustomer: true }, fixed(1n, first))).toMatchObject({
      rule: 'sale:first:fixed',
      reasons: [],
    });
    expect(paid({ isFirstOfCustomer: false }, fixed(1n, first), percent(PERCENT))).toMatchObject({
      rule: 'sale:percent',
      reasons: ['not_first_of_customer'],
    });
    expect(paid({ isFirstOfCustomer: false }, fixed(1n, first))).toMatchObject({
      rule: 'sale:first:fixed',
      money: null,
    });
  });
});

describe('a fixed amount', () => {
  it.each([null, euros(0n), euros(-5n), dollars(7n)])('is paid whatever the revenue: %o', (revenue) => {
    expect(paid({ revenue }, fixed(5n))).toMatchObject({ money: euros(5n), reasons: [] });
  });
});

describe('a percentage', () => {
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
    expect(paid({ revenue: euros(revenue) }, percent(percentMicros))?.money).toEqual(euros(payout));
  });

  it('loses less than one micro-unit and never exceeds a whole', () => {
    const anyRevenue = fc.bigInt({ min: 0n, max: MAX_MICROS });
    const anyShare = fc.bigInt({ min: 0n, max: 100_000_000n });
    fc.assert(
      fc.property(anyRevenue, anyShare, (revenue, share) => {
        const micros = paid({ revenue: euros(revenue) }, percent(share))?.money?.micros ?? -1n;
        const rest = micros * 100_000_000n - revenue * share;
        expect((rest < 0n ? -rest : rest) * 2n <= 100_000_000n).toBe(true);
        expect(micros >= 0n && micros <= revenue).toBe(true);
      }),
    );
  });

  it.each<[string, readonly ('tax' | 'shipping')[], bigint | null, bigint | null, bigint, PayoutReason[]]>([
    ['gross', [], 19n, 11n, 100n, []],
    ['net of tax', ['tax'], 19n, 11n, 81n, []],
    ['net of shipping', ['shipping'], 19n, 11n, 89n, []],
    ['net of both', ['tax', 'shipping'], 19n, 11n, 70n, []],
    [
      'net of what was not sent',
      ['tax', 'shipping'],
      null,
      null,
      100n,
      ['tax_not_sent', 'shipping_not_sent'],
    ],
    ['net of all there is', ['tax'], 100n, null, 0n, ['base_not_positive']],
    ['net of more than there is', ['tax', 'shipping'], 90n, 11n, 0n, ['base_not_positive']],
    ['net of a negative tax', ['tax'], -19n, null, 119n, []],
  ])('%s', (_name, netOf, taxMicros, shippingMicros, micros, reasons) => {
    const input = { revenue: euros(100n), taxMicros, shippingMicros };
    expect(paid(input, percent(100n * PERCENT, { netOf }))).toMatchObject({ money: euros(micros), reasons });
  });

  it.each([0n, -5n])('of a revenue of %d is zero', (micros) => {
    expect(paid({ revenue: euros(micros) }, percent(10n * PERCENT))).toMatchObject({
      money: euros(0n),
      reasons: ['base_not_positive'],
    });
  });

  it('of a revenue that was not sent is none', () => {
    expect(paid({ revenue: null }, percent(30n * PERCENT))).toEqual({
      money: null,
      rule: 'sale:percent',
      exchangeRateId: null,
      reasons: ['revenue_missing'],
    });
  });

  it('of the default value where no revenue was sent, and nothing is taken off that', () => {
    const rule = percent(10n * PERCENT, { defaultValue: euros(200n), netOf: ['tax'] });
    expect(paid({ revenue: null, taxMicros: 50n }, rule)).toMatchObject({
      money: euros(20n),
      reasons: ['default_value_used'],
    });
    expect(paid({ revenue: euros(0n) }, rule)).toMatchObject({ money: euros(0n) });
    expect(paid({ revenue: euros(100n), taxMicros: 50n }, rule)).toMatchObject({
      money: euros(5n),
      reasons: [],
    });
  });

  it('is none where it comes to more than money can hold', () => {
    expect(outcome({ revenue: euros(MAX_MICROS) }, percent(1_000n * PERCENT))).toBe('payout_out_of_bounds');
  });
});

describe('exchange', () => {
  const rates = ratesOf(['USD', 'EUR', '0.92'], ['JPY', 'EUR', '0.0061'], ['EUR', 'JPY', '163.9']);
  const inEuros = percent(10n * PERCENT, { currency: 'EUR' });

  it('takes the rate of its direction and names it', () => {
    expect(paid({ revenue: dollars(100_000_000n), rates }, inEuros)).toEqual({
      money: euros(9_200_000n),
      rule: 'sale:percent',
      exchangeRateId: 'usd-eur@7',
      reasons: [],
    });
  });

  it('is not needed where the revenue is in the currency of the payout', () => {
    expect(paid({ rates }, inEuros)).toMatchObject({ money: euros(4_990_000n), exchangeRateId: null });
  });

  it('is not asked for where no currency is configured', () => {
    expect(paid({ revenue: dollars(100n), rates }, percent(10n * PERCENT))).toMatchObject({
      money: dollars(10n),
      exchangeRateId: null,
    });
  });

  it.each([
    ['no rate at all', NO_EXCHANGE_RATES],
    ['only the opposite direction', ratesOf(['EUR', 'USD', '1.08'])],
    ['only a way through a third currency', ratesOf(['USD', 'JPY', '150'], ['JPY', 'EUR', '0.0061'])],
  ])('%s: no payout, and that is told', (_name, none) => {
    expect(paid({ revenue: dollars(100n), rates: none }, inEuros)).toEqual({
      money: null,
      rule: 'sale:percent',
      exchangeRateId: null,
      reasons: ['exchange_rate_missing'],
    });
  });

  it('applies to the default value too, and to what is left after tax', () => {
    const rule = { ...inEuros, netOf: ['tax'], defaultValue: dollars(1_000n) } as const;
    expect(paid({ revenue: null, rates }, rule)?.money).toEqual(euros(92n));
    expect(paid({ revenue: dollars(1_000n), taxMicros: 500n, rates }, rule)?.money).toEqual(euros(46n));
  });

  it('rounds once: the exact fraction of revenue × percentage × rate', () => {
    // 5 % of 10 micros is half a micro and would round to 0 before a rate of 163.9 makes 81.95 of it.
    const rule = percent(5n * PERCENT, { currency: 'JPY' });
    expect(paid({ revenue: euros(10n), rates }, rule)?.money).toEqual({ micros: 82n, currency: 'JPY' });
  });

  it('is off by at most half a micro-unit', () => {
    const anyRate = fc.tuple(fc.nat(9_999), fc.integer({ min: 1, max: 999_999 }));
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n, max: 10n ** 15n }),
        fc.bigInt({ min: 0n, max: 100n * PERCENT }),
        anyRate,
        (revenue, share, [units, fraction]) => {
          const text = `${units}.${String(fraction).padStart(6, '0')}`;
          const scaled = BigInt(units) * 1_000_000n + BigInt(fraction);
          const rule = percent(share, { currency: 'EUR' });
          const micros =
            paid({ revenue: dollars(revenue), rates: ratesOf(['USD', 'EUR', text]) }, rule)?.money?.micros ??
            -1n;
          const whole = 100n * PERCENT * 1_000_000n;
          const rest = micros * whole - revenue * share * scaled;
          expect((rest < 0n ? -rest : rest) * 2n <= whole).toBe(true);
        },
      ),
    );
  });
});

describe('tiers by count', () => {
  const rule: PayoutRule = {
    ...forAll,
    kind: 'count_tiers',
    tiers: [tier(1n, euros(10n)), tier(101n, euros(12n)), tier(501n, 20n * PERCENT)],
  };

  it.each([
    [0, euros(10n), 'sale:count_tiers:1'],
    [99, euros(10n), 'sale:count_tiers:1'],
    [100, euros(12n), 'sale:count_tiers:2'],
    [499, euros(12n), 'sale:count_tiers:2'],
    [500, euros(9_980_000n), 'sale:count_tiers:3'],
    [1_000_000, euros(9_980_000n), 'sale:count_tiers:3'],
  ])('with %i before it', (tierPosition, money, name) => {
    expect(paid({ tierPosition }, rule)).toMatchObject({ money, rule: name, reasons: [] });
  });

  it('pay nothing below the first', () => {
    const late: PayoutRule = { ...forAll, kind: 'count_tiers', tiers: [tier(11n, euros(10n))] };
    expect(outcome({ tierPosition: 9 }, late)).toBe('below_first_tier');
    expect(outcome({ tierPosition: 10 }, late)).toBe(10n);
  });

  it('need a revenue only for a percentage', () => {
    expect(outcome({ revenue: null, tierPosition: 0 }, rule)).toBe(10n);
    expect(outcome({ revenue: null, tierPosition: 500 }, rule)).toBe('revenue_missing');
  });

  it('count within the calendar month of the conversion, in UTC', () => {
    const sale = { ...SALE, occurredAt: Date.parse('2026-12-31T23:59:59.999Z') };
    expect(tierPeriodOf(sale, [rule])).toEqual({
      periodStart: Date.parse('2026-12-01T00:00:00Z'),
      periodEnd: Date.parse('2027-01-01T00:00:00Z'),
    });
  });

  it('count only where the rule that applies has them', () => {
    const sale = { ...SALE, occurredAt: 0 };
    expect(tierPeriodOf(sale, [rule, fixed(1n, { partnerId: 'p-1' })])).toBeNull();
    expect(tierPeriodOf({ ...sale, eventType: 'lead' }, [rule])).toBeNull();
    expect(tierPeriodOf(sale, [{ ...rule, firstOfCustomerOnly: true }])).toBeNull();
    expect(
      tierPeriodOf({ ...sale, isFirstOfCustomer: true }, [{ ...rule, firstOfCustomerOnly: true }]),
    ).not.toBeNull();
  });
});

describe('tiers by revenue', () => {
  const rule: PayoutRule = {
    ...forAll,
    currency: 'EUR',
    kind: 'revenue_tiers',
    tiers: [tier(10n, euros(1n)), tier(100n, 10n * PERCENT), tier(1_000n, 20n * PERCENT)],
  };

  it.each<[bigint, bigint | string, string]>([
    [9n, 'below_first_tier', 'sale:revenue_tiers'],
    [10n, 1n, 'sale:revenue_tiers:1'],
    [99n, 1n, 'sale:revenue_tiers:1'],
    [100n, 10n, 'sale:revenue_tiers:2'],
    [999n, 100n, 'sale:revenue_tiers:2'],
    [1_000n, 200n, 'sale:revenue_tiers:3'],
    [-1n, 'below_first_tier', 'sale:revenue_tiers'],
  ])('of a revenue of %d', (micros, expected, name) => {
    expect(outcome({ revenue: euros(micros) }, rule)).toBe(expected);
    expect(paid({ revenue: euros(micros) }, rule)?.rule).toBe(name);
  });

  it('are reached by the gross revenue, whatever the percentage is of', () => {
    const net: PayoutRule = {
      ...forAll,
      currency: 'EUR',
      kind: 'revenue_tiers',
      tiers: [{ from: 100n, pays: { kind: 'percent', percentMicros: 10n * PERCENT, netOf: ['tax'] } }],
    };
    expect(outcome({ revenue: euros(100n), taxMicros: 20n }, net)).toBe(8n);
  });

  it('are compared in their own currency, without rounding first', () => {
    const rates = ratesOf(['USD', 'EUR', '0.999999']);
    // 100.9999 micros are still below 101.
    const at101: PayoutRule = {
      ...forAll,
      currency: 'EUR',
      kind: 'revenue_tiers',
      tiers: [tier(101n, euros(1n))],
    };
    expect(paid({ revenue: dollars(101n), rates }, at101)).toMatchObject({
      money: null,
      exchangeRateId: 'usd-eur@7',
      reasons: ['below_first_tier'],
    });
    expect(paid({ revenue: dollars(102n), rates }, at101)).toMatchObject({
      money: euros(1n),
      exchangeRateId: 'usd-eur@7',
    });
    expect(outcome({ revenue: dollars(102n) }, at101)).toBe('exchange_rate_missing');
  });

  it('need a revenue, or the default value', () => {
    expect(outcome({ revenue: null }, rule)).toBe('revenue_missing');
    expect(paid({ revenue: null }, { ...rule, defaultValue: euros(100n) })).toMatchObject({
      money: euros(10n),
      reasons: ['default_value_used'],
    });
  });
});

it('docs/errors.md lists exactly the reasons of payouts', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/errors.md'), 'utf8');
  const [, section = ''] = page.split('\n## Payout reasons\n');
  const [body = ''] = section.split('\n## ');
  const codes = [...body.matchAll(/^\| `([a-z_]+)` +\|/gm)].map(([, code = '']) => code);
  expect(codes.toSorted()).toEqual([...PAYOUT_REASONS].toSorted());
});
