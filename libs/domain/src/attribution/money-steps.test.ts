/** The steps of the money: in order, exact, and the same as what the rules decide. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { divideHalfEven, type Money } from '../money.ts';
import type { PayoutRule } from '../payout.ts';
import { aClick, aRefund, aReport, clickIdOf, Lane, NOON, TERMS } from './attribution.fixture.ts';
import type { Conversion } from './conversion.ts';
import type { ExchangeRate } from './exchange.ts';
import { type MoneyRecord, type MoneyStep, type MoneyTerms, moneyStepsOf } from './money-steps.ts';
import type { OfferTerms } from './terms.ts';

const EURO = 1_000_000n;
const eur = (micros: bigint): Money => ({ micros, currency: 'EUR' });
const usd = (micros: bigint): Money => ({ micros, currency: 'USD' });
const RATE: ExchangeRate = { id: 'eur-usd@7', from: 'EUR', to: 'USD', numerator: 107n, denominator: 100n };

const RECORD: MoneyRecord = {
  lane: 'acme',
  offerId: 'shoes',
  occurredAt: NOON,
  eventType: 'sale',
  eventTypes: ['sale'],
  partnerId: 'p-1',
  isFirstOfCustomer: null,
  revenueMicros: 119n * EURO,
  currency: 'EUR',
  taxMicros: 19n * EURO,
  shippingMicros: null,
  payoutMicros: null,
  payoutCurrency: null,
  payoutRule: null,
  exchangeRateId: null,
  reasonCodes: [],
  credits: [{ clickId: clickIdOf(1), partnerId: 'p-1', numerator: 1, denominator: 1 }],
  payoutParts: [],
  capPlaces: [],
  tierPlaces: [],
  reversedRevenueMicros: null,
  reversedPayoutMicros: null,
  askedMicros: null,
  ledger: { firstCurrency: null, updates: [] },
};

const sale = { eventType: 'sale', partnerId: null };
const NET: PayoutRule = { ...sale, kind: 'percent', percentMicros: 10n * EURO, netOf: ['tax', 'shipping'] };
const FIXED: PayoutRule = { ...sale, kind: 'fixed', amount: eur(3n * EURO) };
const TIERS: PayoutRule = {
  ...sale,
  kind: 'count_tiers',
  currency: 'EUR',
  tiers: [
    { from: 1n, pays: { kind: 'fixed', amount: eur(1n * EURO) } },
    { from: 101n, pays: { kind: 'percent', percentMicros: 20n * EURO } },
  ],
};

function terms(rule: PayoutRule, more: Partial<MoneyTerms> = {}): MoneyTerms {
  return { payouts: [rule], caps: [], rate: null, ...more };
}

function record(changes: Partial<MoneyRecord>): MoneyRecord {
  return { ...RECORD, ...changes };
}

function paid(rule: string, money: Money, more: Partial<MoneyRecord> = {}): MoneyRecord {
  return record({ payoutRule: rule, payoutMicros: money.micros, payoutCurrency: money.currency, ...more });
}

const namesOf = (steps: readonly MoneyStep[]) => steps.map(({ step }) => step);
function stepOf<N extends MoneyStep['step']>(steps: readonly MoneyStep[], name: N) {
  return steps.find((each): each is Extract<MoneyStep, { step: N }> => each.step === name);
}

describe('the steps of an original', () => {
  it('from the revenue over net, exchange, rule and cap to the split and what was taken back', () => {
    const counted = { capId: 'shoes:daily', key: 'acme', periodStart: 0, isGranted: true, payoutMicros: 0n };
    const { steps, agreement } = moneyStepsOf(
      paid('sale:percent', usd(10_700_000n), {
        exchangeRateId: RATE.id,
        reasonCodes: ['shipping_not_sent'],
        capPlaces: [counted],
        reversedRevenueMicros: 119n * EURO,
        reversedPayoutMicros: 10_700_000n,
      }),
      terms({ ...NET, currency: 'USD' }, { rate: RATE }),
    );
    expect(agreement).toBe('same');
    expect(steps).toEqual([
      { step: 'revenue', money: eur(119n * EURO) },
      {
        step: 'net',
        deductions: [
          { deduction: 'tax', micros: 19n * EURO },
          { deduction: 'shipping', micros: null },
        ],
        money: eur(100n * EURO),
      },
      {
        step: 'exchange',
        exchangeRateId: 'eur-usd@7',
        rate: RATE,
        money: usd(107n * EURO),
        isRounded: false,
      },
      {
        step: 'rule',
        rule: 'sale:percent',
        pays: expect.objectContaining({ kind: 'percent', percentMicros: 10n * EURO }),
        tier: null,
        tierFrom: null,
        tierPosition: null,
        money: usd(10_700_000n),
      },
      {
        step: 'cap',
        caps: [
          {
            capId: 'shoes:daily',
            periodStart: 0,
            isGranted: true,
            payoutMicros: 0n,
            period: null,
            limit: null,
          },
        ],
        money: usd(10_700_000n),
      },
      {
        step: 'split',
        parts: [{ ...RECORD.credits[0], money: usd(10_700_000n) }],
      },
      {
        step: 'reversed',
        revenue: eur(119n * EURO),
        payout: usd(10_700_000n),
        revenueLeft: eur(0n),
        payoutLeft: usd(0n),
      },
    ]);
  });

  it.each([
    [
      'nothing was sent, and no rule applies',
      record({ revenueMicros: null, currency: null }),
      terms(FIXED),
      ['revenue'],
    ],
    [
      'a fixed amount asks for no revenue',
      paid('sale:fixed', eur(3n * EURO)),
      terms(FIXED),
      ['revenue', 'rule', 'split'],
    ],
    [
      'a default value is not reduced by tax',
      paid('sale:percent', eur(2n * EURO), {
        revenueMicros: null,
        currency: null,
        reasonCodes: ['default_value_used'],
      }),
      terms({ ...NET, defaultValue: eur(20n * EURO) }),
      ['revenue', 'default_value', 'rule', 'split'],
    ],
    [
      'a refused place leaves no payout to split',
      record({
        payoutRule: 'sale:fixed',
        reasonCodes: ['cap_reached'],
        capPlaces: [{ capId: 'c', key: 'c', periodStart: 0, isGranted: false, payoutMicros: 0n }],
      }),
      terms(FIXED),
      ['revenue', 'rule', 'cap'],
    ],
  ])('%s', (_name, given, by, names) => {
    const { steps } = moneyStepsOf(given, by);
    expect(namesOf(steps)).toEqual(names);
  });

  it('tells the tier, where it begins, and the place in its count', () => {
    const place = {
      key: 'acme\u0000shoes\u0000p-1\u0000sale',
      periodStart: Date.UTC(2026, 0),
      position: 150,
    };
    const other = { ...place, periodStart: Date.UTC(2025, 11), position: 3 };
    const { steps, agreement } = moneyStepsOf(
      paid('sale:count_tiers:2', eur(23_800_000n), { tierPlaces: [other, place] }),
      terms(TIERS),
    );
    expect(agreement).toBe('same');
    expect(stepOf(steps, 'rule')).toMatchObject({
      tier: 2,
      tierFrom: 101n,
      tierPosition: 150,
      pays: { kind: 'percent', percentMicros: 20n * EURO },
      money: eur(23_800_000n),
    });
  });

  it('says what the limit of a cap is, and that it holds a payout at what it had', () => {
    const cap = {
      capId: 'shoes:total',
      partnerId: null,
      isPerPartner: false,
      eventType: null,
      period: 'total' as const,
      limit: { kind: 'payout' as const, money: eur(2n * EURO) },
    };
    const place = {
      capId: 'shoes:total',
      key: 'k',
      periodStart: 0,
      isGranted: true,
      payoutMicros: 2n * EURO,
    };
    const { steps, agreement } = moneyStepsOf(
      paid('sale:fixed', eur(2n * EURO), { capPlaces: [place], reasonCodes: ['cap_reached'] }),
      terms(FIXED, { caps: [cap] }),
    );
    expect(agreement).toBe('same');
    expect(stepOf(steps, 'rule')?.money).toEqual(eur(3n * EURO));
    expect(stepOf(steps, 'cap')).toMatchObject({
      caps: [{ period: 'total', limit: cap.limit, payoutMicros: 2n * EURO }],
      money: eur(2n * EURO),
    });
  });

  it('marks an exchanged amount that is rounded to be shown', () => {
    const { steps } = moneyStepsOf(
      paid('sale:percent', usd(0n), { revenueMicros: 1n, taxMicros: null, exchangeRateId: RATE.id }),
      terms({ ...NET, netOf: [], currency: 'USD' }, { rate: RATE }),
    );
    expect(stepOf(steps, 'exchange')).toMatchObject({ money: usd(1n), isRounded: true });
  });
});

describe('agreement with the terms', () => {
  it.each([
    ['the amount', paid('sale:fixed', eur(3n * EURO + 1n)), terms(FIXED), 'differs'],
    ['the rule', paid('sale:percent', eur(3n * EURO)), terms(FIXED), 'differs'],
    ['the tier', paid('sale:count_tiers:1', eur(2n * EURO)), terms(TIERS), 'differs'],
    ['the rate', paid('sale:fixed', eur(3n * EURO), { exchangeRateId: 'x@1' }), terms(FIXED), 'differs'],
    ['nothing, as terms are unknown', paid('sale:fixed', eur(3n * EURO)), null, 'not_checked'],
  ] as const)('%s', (_name, given, by, agreement) => {
    const explained = moneyStepsOf(given, by);
    expect(explained.agreement).toBe(agreement);
    expect(stepOf(explained.steps, 'rule')?.rule).toBe(given.payoutRule);
  });

  it('keeps the record where the terms tell another rule, and does not guess what it paid', () => {
    const { steps } = moneyStepsOf(paid('sale:percent', eur(7n)), terms(FIXED));
    expect(stepOf(steps, 'rule')).toMatchObject({ pays: null, money: eur(7n) });
  });
});

describe('the steps of a reversal', () => {
  const original = { revenueMicros: 100n, currency: 'EUR', payoutMicros: 10n, payoutCurrency: 'EUR' };
  const refund = record({
    eventType: 'refund',
    eventTypes: ['refund'],
    revenueMicros: -30n,
    askedMicros: 30n,
    payoutMicros: -3n,
    payoutCurrency: 'EUR',
    payoutRule: 'sale:percent',
  });

  it('what was asked, what it took of its original, and the parts', () => {
    expect(moneyStepsOf(refund, terms(FIXED), original)).toEqual({
      steps: [
        { step: 'asked', money: eur(30n) },
        { step: 'taken', ofRevenue: eur(100n), ofPayout: eur(10n), revenue: eur(-30n), payout: eur(-3n) },
        { step: 'split', parts: [{ ...RECORD.credits[0], money: eur(-3n) }] },
      ],
      agreement: 'not_checked',
    });
  });

  it('takes nothing while its original is not known', () => {
    expect(namesOf(moneyStepsOf(refund, null).steps)).toEqual(['asked']);
  });

  it.each([
    [{ firstCurrency: 'USD', updates: [] }, 'USD'],
    [{ firstCurrency: 'USD', updates: [{ field: 'revenue', currency: 'GBP' }] }, 'GBP'],
  ])('was asked in the currency that was sent: %j', (ledger, currency) => {
    const { steps } = moneyStepsOf({ ...refund, ledger }, null, original);
    expect(stepOf(steps, 'asked')?.money?.currency).toBe(currency);
  });
});

/** The record of a conversion as far as money goes. */
function moneyRecordOf({ lane, facts, firstCome, outcome }: Conversion): MoneyRecord {
  const { revenue, payout, winner } = outcome;
  return {
    ...outcome,
    lane,
    offerId: winner?.offerId ?? null,
    partnerId: winner?.partnerId ?? null,
    eventTypes: facts.eventTypes,
    revenueMicros: revenue?.micros ?? null,
    currency: revenue?.currency ?? null,
    payoutMicros: payout?.micros ?? null,
    payoutCurrency: payout?.currency ?? null,
    capPlaces: firstCome.caps,
    tierPlaces: firstCome.tiers,
    ledger: { firstCurrency: facts.firstValues.revenue?.currency ?? null, updates: [] },
  };
}

const AMOUNT = fc.bigInt({ min: 0n, max: 10n ** 12n });
const PERCENT = fc.record({
  kind: fc.constant('percent' as const),
  percentMicros: fc.bigInt({ min: 0n, max: 100_000_000n }),
  netOf: fc.constantFrom([], ['tax'] as const, ['tax', 'shipping'] as const),
});
const RULE: fc.Arbitrary<PayoutRule> = fc
  .tuple(
    fc.oneof(
      PERCENT,
      AMOUNT.map((micros) => ({ kind: 'fixed' as const, amount: usd(micros) })),
    ),
    AMOUNT,
  )
  .map(([pays, from]) => [pays, from] as const)
  .chain(([pays, from]) =>
    fc.constantFrom<PayoutRule>(
      { ...sale, currency: 'USD', ...pays },
      { ...sale, currency: 'USD', kind: 'count_tiers', tiers: [{ from: 1n, pays }] },
      { ...sale, currency: 'USD', kind: 'revenue_tiers', tiers: [{ from, pays }] },
    ),
  );

describe('what the core decides', () => {
  const cap: OfferTerms['caps'][number] = {
    capId: 'shoes:total',
    partnerId: null,
    isPerPartner: false,
    eventType: null,
    period: 'total',
    limit: { kind: 'payout', money: usd(10n ** 11n) },
  };

  it('agrees with its terms at every step, whatever the rule, and leaves what refunds did not take', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(
        RULE,
        AMOUNT,
        fc.option(AMOUNT),
        fc.option(AMOUNT),
        fc.option(AMOUNT),
        (rule, revenueMicros, taxMicros, shippingMicros, refunded) => {
          const offer = { ...TERMS, payouts: [rule], caps: [cap] };
          const lane = new Lane(() => offer);
          vi.spyOn(lane.ledger, 'rates').mockReturnValue({ rate: () => RATE });
          lane.ledger.showClick(aClick());
          const report = aReport({ clickId: clickIdOf(1), revenueMicros, taxMicros, shippingMicros });
          lane.report(report);
          if (refunded !== null) lane.report(aRefund(1, refunded));

          const decided = moneyRecordOf(lane.of(report));
          const { steps, agreement } = moneyStepsOf(decided, { payouts: [rule], caps: [cap], rate: RATE });
          for (const { step } of steps) seen.add(step);
          expect(agreement).toBe(decided.payoutRule === null ? 'not_checked' : 'same');

          const payout = stepOf(steps, 'rule')?.money?.micros ?? 0n;
          const base = stepOf(steps, 'net')?.money.micros ?? revenueMicros;
          const pays = stepOf(steps, 'rule')?.pays;
          if (pays?.kind === 'percent' && base > 0n)
            expect(payout).toBe(
              divideHalfEven(base * pays.percentMicros * RATE.numerator, 100n * EURO * RATE.denominator),
            );
          const split = stepOf(steps, 'split');
          const sum = split?.parts.reduce((all, { money }) => all + money.micros, 0n);
          expect(sum ?? null).toBe(decided.payoutMicros);
          const reversed = stepOf(steps, 'reversed');
          if (reversed?.payout)
            expect(reversed.payout.micros + (reversed.payoutLeft?.micros ?? 0n)).toBe(decided.payoutMicros);
        },
      ),
    );
    expect([...seen]).toEqual(
      expect.arrayContaining(['revenue', 'net', 'exchange', 'rule', 'cap', 'split', 'reversed']),
    );
  });
});
