/** An offer's terms, an advertiser's modes and the exchange rates in the decision core's numbers, at any instant. */
import { lifecycle } from '@tributary/domain';
import { describe, expect, it } from 'vitest';
import { aChange } from './a-change.ts';
import { parseDocument } from './entities.ts';
import { Configuration } from './fold.ts';
import {
  exchangeRatesAt,
  lifecycleRulesAt,
  lifecycleRulesOf,
  offerTermsAt,
  repeatModeOf,
  termsOf,
} from './terms.ts';

const smallest = { id: 'shoes', advertiserId: 'acme', name: 'Shoes' };

function offer(more: object = {}) {
  const parsed = parseDocument('offer', { ...smallest, ...more });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.entity;
}

describe('windows', () => {
  const both = offer({
    windows: {
      default: { minMs: 0, maxMs: 100 },
      byEventType: { renewal: { minMs: 50, maxMs: 500 } },
      viewThrough: { default: { minMs: 1, maxMs: 10 }, byEventType: { install: { minMs: 2, maxMs: 20 } } },
    },
  });

  it.each([
    ['renewal', { minMs: 50, maxMs: 500 }, { minMs: 1, maxMs: 10 }],
    ['install', { minMs: 0, maxMs: 100 }, { minMs: 2, maxMs: 20 }],
    ['constructor', { minMs: 0, maxMs: 100 }, { minMs: 1, maxMs: 10 }],
  ])('of %s', (eventType, window, viewThroughWindow) => {
    expect(termsOf(both, eventType)).toMatchObject({ window, viewThroughWindow });
  });

  it('after an impression only for the event types that have one', () => {
    const installs = offer({
      windows: {
        default: { minMs: 0, maxMs: 100 },
        viewThrough: { byEventType: { install: { minMs: 2, maxMs: 20 } } },
      },
    });
    expect(termsOf(installs, 'install').viewThroughWindow).toEqual({ minMs: 2, maxMs: 20 });
    expect(termsOf(installs, 'sale').viewThroughWindow).toBeNull();
  });
});

describe('payouts', () => {
  const rule = { eventType: 'sale', partnerId: null, firstOfCustomerOnly: false, defaultValue: null };

  it('are exact, and those of the event type', () => {
    const terms = offer({
      payouts: [
        { eventType: 'lead', kind: 'fixed', amount: '2.5', currency: 'EUR' },
        { eventType: 'sale', partnerId: 'network', kind: 'percent', percent: '12.5', netOf: ['tax'] },
        { eventType: 'sale', firstOfCustomerOnly: true, kind: 'percent', percent: '0.000001' },
      ],
    });
    expect(termsOf(terms, 'lead').payouts).toEqual([
      {
        ...rule,
        eventType: 'lead',
        currency: 'EUR',
        kind: 'fixed',
        amount: { micros: 2_500_000n, currency: 'EUR' },
      },
    ]);
    expect(termsOf(terms, 'sale').payouts).toEqual([
      {
        ...rule,
        partnerId: 'network',
        currency: null,
        kind: 'percent',
        percentMicros: 12_500_000n,
        netOf: ['tax'],
      },
      { ...rule, firstOfCustomerOnly: true, currency: null, kind: 'percent', percentMicros: 1n, netOf: [] },
    ]);
    expect(termsOf(terms, 'constructor').payouts).toEqual([]);
  });

  it('take currency and default value from the offer', () => {
    const terms = offer({
      payoutCurrency: 'EUR',
      defaultValues: { sale: { amount: '30', currency: 'USD' } },
      payouts: [
        { eventType: 'sale', kind: 'percent', percent: '10' },
        { eventType: 'lead', kind: 'percent', percent: '10' },
      ],
    });
    expect(termsOf(terms, 'sale').payouts).toMatchObject([
      { currency: 'EUR', defaultValue: { micros: 30_000_000n, currency: 'USD' } },
    ]);
    expect(termsOf(terms, 'lead').payouts).toMatchObject([{ currency: 'EUR', defaultValue: null }]);
  });

  it('have tiers of amounts and percentages', () => {
    const terms = offer({
      payouts: [
        {
          eventType: 'sale',
          kind: 'count_tiers',
          currency: 'EUR',
          tiers: [
            { from: 1, amount: '10' },
            { from: 101, percent: '12', netOf: ['shipping'] },
          ],
        },
        {
          eventType: 'upgrade',
          kind: 'revenue_tiers',
          currency: 'USD',
          tiers: [{ from: '99.99', amount: '1' }],
        },
      ],
    });
    expect(termsOf(terms, 'sale').payouts).toEqual([
      {
        ...rule,
        currency: 'EUR',
        kind: 'count_tiers',
        tiers: [
          { from: 1n, pays: { kind: 'fixed', amount: { micros: 10_000_000n, currency: 'EUR' } } },
          { from: 101n, pays: { kind: 'percent', percentMicros: 12_000_000n, netOf: ['shipping'] } },
        ],
      },
    ]);
    expect(termsOf(terms, 'upgrade').payouts).toMatchObject([
      {
        currency: 'USD',
        tiers: [{ from: 99_990_000n, pays: { amount: { micros: 1_000_000n, currency: 'USD' } } }],
      },
    ]);
  });
});

it('the smallest offer promises the last click, nothing else and no payout', () => {
  expect(termsOf(offer(), 'sale')).toEqual({
    offerId: 'shoes',
    window: { minMs: 0, maxMs: 30 * 86_400_000 },
    viewThroughWindow: null,
    model: 'last_click',
    halfLifeMs: 7 * 86_400_000,
    matchesHashedIdentity: false,
    condition: null,
    abuse: {
      impossibleBelowMs: null,
      bots: null,
      velocity: null,
      countryMismatch: null,
      blockedSubIds: null,
    },
    payouts: [],
    caps: [],
  });
});

it('the fullest offer keeps every word', () => {
  const full = offer({
    model: 'time_decay',
    halfLifeMs: 5,
    matchesHashedIdentity: true,
    payoutCurrency: 'EUR',
    caps: [
      { id: 'day', period: 'day', count: 100 },
      { id: 'month', period: 'month', eventType: 'sale', partnerId: 'network', payout: '0.000001' },
      { id: 'each', period: 'hour', isPerPartner: true, count: 3 },
    ],
    conditions: [{ eventType: 'trial_start', until: 'activation_completed', withinMs: 14 }],
    abuse: {
      impossibleBelow: { ms: 2_000, action: 'reject' },
      bots: 'hold',
      velocity: { conversions: 5, withinMs: 60, action: 'hold' },
      countryMismatch: 'reject',
      blockedSubIds: { values: { sub1: ['bad', 'worse'] }, action: 'reject' },
    },
  });
  const open = { partnerId: null, isPerPartner: false, eventType: null };

  expect(termsOf(full, 'trial_start')).toMatchObject({
    model: 'time_decay',
    halfLifeMs: 5,
    matchesHashedIdentity: true,
    condition: { eventType: 'activation_completed', withinMs: 14 },
    abuse: {
      impossibleBelowMs: { ms: 2_000, action: 'reject' },
      bots: 'hold',
      velocity: { conversions: 5, withinMs: 60, action: 'hold' },
      countryMismatch: 'reject',
      blockedSubIds: { values: new Map([['sub1', new Set(['bad', 'worse'])]]), action: 'reject' },
    },
    caps: [
      { ...open, capId: 'shoes:day', period: 'day', limit: { kind: 'count', count: 100 } },
      {
        ...open,
        capId: 'shoes:month',
        period: 'month',
        eventType: 'sale',
        partnerId: 'network',
        limit: { kind: 'payout', money: { micros: 1n, currency: 'EUR' } },
      },
      {
        ...open,
        capId: 'shoes:each',
        isPerPartner: true,
        period: 'hour',
        limit: { kind: 'count', count: 3 },
      },
    ],
  });
  expect(termsOf(full, 'sale').condition).toBeNull();
});

describe('at an instant', () => {
  function folded(...changes: readonly (readonly ['offer' | 'exchange_rate', { id: string }, number])[]) {
    const configuration = new Configuration();
    for (const [offset, [type, document, recordedAt]] of changes.entries()) {
      const expectedVersion = configuration.entityVersion(type, document.id);
      const operation = Object.keys(document).length === 1 ? 'remove' : 'put';
      const change = aChange(type, document, { expectedVersion, recordedAt, operation });
      expect(configuration.apply(offset, change)).toEqual({ outcome: 'applied' });
    }
    return configuration;
  }
  const withModel = (model: string) => ({ ...smallest, model });
  const rate = (text: string) => ({ id: 'usd-eur', from: 'USD', to: 'EUR', rate: text });

  it.each([
    [50, 'linear'],
    [100, 'linear'],
    [199, 'linear'],
    [200, 'first_click'],
    [300, undefined],
  ])('%i the offer in force then, and its first one before', (at, model) => {
    const configuration = folded(
      ['offer', withModel('linear'), 100],
      ['offer', withModel('first_click'), 200],
      ['offer', { id: 'shoes' }, 300],
    );
    expect(offerTermsAt(configuration, 'shoes', 'sale', at)?.model).toBe(model);
    expect(offerTermsAt(configuration, 'boots', 'sale', at)).toBeNull();
  });

  it.each([
    [99, null],
    [100, { id: 'usd-eur@0', from: 'USD', to: 'EUR', numerator: 92n, denominator: 100n }],
    [199, { id: 'usd-eur@0', from: 'USD', to: 'EUR', numerator: 92n, denominator: 100n }],
    [200, { id: 'usd-eur@1', from: 'USD', to: 'EUR', numerator: 931n, denominator: 1_000n }],
    [300, null],
    [400, { id: 'usd-eur@3', from: 'USD', to: 'EUR', numerator: 1n, denominator: 1n }],
  ])('%i the rate in force then and no other, under an id of its own', (at, expected) => {
    const configuration = folded(
      ['exchange_rate', rate('0.92'), 100],
      ['exchange_rate', rate('0.931'), 200],
      ['exchange_rate', { id: 'usd-eur' }, 300],
      ['exchange_rate', rate('1'), 400],
    );
    expect(exchangeRatesAt(configuration, at).rate('USD', 'EUR')).toEqual(expected);
    expect(exchangeRatesAt(configuration, at).rate('EUR', 'USD')).toBeNull();
  });
});

describe('what a further report does', () => {
  const parsed = parseDocument('advertiser', {
    id: 'acme',
    name: 'Acme',
    currency: 'EUR',
    onRepeat: { sale: 'update', top_up: 'add' },
  });
  const advertiser = parsed.ok ? parsed.entity : undefined;

  it.each([
    ['sale', 'update'],
    ['top_up', 'add'],
    ['lead', 'reject'],
    ['constructor', 'reject'],
  ])('of %s: %s', (eventType, mode) => {
    expect(repeatModeOf(advertiser, eventType)).toBe(mode);
  });

  it('of an advertiser that has left: reject', () => {
    expect(repeatModeOf(undefined, 'sale')).toBe('reject');
  });
});

describe('lifecycle rules', () => {
  const DAY = 86_400_000;
  const advertiser = { id: 'acme', name: 'Acme', currency: 'EUR' };

  /** Changes that take effect at the days given. */
  function configured(...changes: readonly (readonly [number, object])[]): Configuration {
    const configuration = new Configuration();
    changes.forEach(([day, more], offset) => {
      const expectedVersion = offset - 1;
      const times = { recordedAt: day * DAY, effectiveFrom: day * DAY, expectedVersion };
      configuration.apply(offset, aChange('advertiser', { ...advertiser, ...more }, times));
    });
    return configuration;
  }

  it('are asked for by nobody who says nothing', () => {
    expect(lifecycleRulesAt(configured([1, {}]), 'acme', 2 * DAY)).toBeNull();
    expect(lifecycleRulesAt(configured(), 'acme', 2 * DAY)).toBeNull();
  });

  it('are the standard where no more than that is said, and the configured ones one by one', () => {
    expect(lifecycleRulesOf({})).toEqual(lifecycle.STANDARD_LIFECYCLE_RULES);
    expect(lifecycleRulesOf({ renewalGraceMs: 0, renewalPeriodsByPlan: { gold: { months: 12 } } })).toEqual({
      ...lifecycle.STANDARD_LIFECYCLE_RULES,
      renewalGraceMs: 0,
      renewalPeriodsByPlan: { gold: { months: 12 } },
    });
  });

  it.each([
    [0, 1],
    [2, 1],
    [3, 1],
    [4, 4],
    [5, 4],
    [6, 6],
  ])('of day %i are those of day %i', (day, since) => {
    const setting = (days: number) => ({ lifecycle: { renewalGraceMs: days } });
    const configuration = configured([1, setting(1)], [2, {}], [4, setting(4)], [6, setting(6)]);
    expect(lifecycleRulesAt(configuration, 'acme', 7 * DAY)?.(day * DAY).renewalGraceMs).toBe(since);
    expect(lifecycleRulesAt(configuration, 'acme', 3 * DAY)).toBeNull();
  });
});
