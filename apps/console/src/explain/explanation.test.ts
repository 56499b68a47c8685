/** Every kind of money step as the API shows it: exact, in texts, and as the OpenAPI document says. */
import type { ConversionDecided, DeliveryAttempted } from '@tributary/contracts';
import { type attribution, type OfferTerms, STANDARD_HALF_LIFE_MS } from '@tributary/domain';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { openapi } from '../openapi.ts';
import { SALE_EVIDENCE, SOLD_AT } from './evidence.fixture.ts';
import { explanationOf } from './explanation.ts';
import type { RulesBehind } from './rules-behind.ts';

const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv);
for (const format of ['cidrv4', 'cidrv6']) ajv.addFormat(format, true);
ajv.addSchema({ ...openapi(), $id: 'openapi' });
const isExplanation = ajv.compile({ $ref: 'openapi#/components/schemas/Explanation' });

const LATEST = SALE_EVIDENCE.revisions.at(-1) ?? SALE_EVIDENCE.revisions[0];
const usd = (micros: bigint) => ({ micros, currency: 'USD' });
const RATE = { id: 'eur-usd@2', from: 'EUR', to: 'USD', numerator: 110n, denominator: 100n };

const TERMS: OfferTerms = {
  offerId: 'acme-offer',
  window: { minMs: 0, maxMs: 1_000 },
  viewThroughWindow: null,
  model: 'last_click',
  halfLifeMs: STANDARD_HALF_LIFE_MS,
  matchesHashedIdentity: false,
  condition: { eventType: 'activation_completed', withinMs: 5 },
  abuse: { impossibleBelowMs: null, bots: null, velocity: null, countryMismatch: null, blockedSubIds: null },
  payouts: [],
  caps: [
    {
      capId: 'acme-offer:count',
      partnerId: null,
      isPerPartner: false,
      eventType: null,
      period: 'day',
      limit: { kind: 'count', count: 100 },
    },
    {
      capId: 'acme-offer:payout',
      partnerId: null,
      isPerPartner: false,
      eventType: null,
      period: 'total',
      limit: { kind: 'payout', money: usd(500_000_000n) },
    },
  ],
};

function stepsOf(changes: Partial<ConversionDecided>, rules: Partial<RulesBehind>): readonly object[] {
  const explanation = explanationOf(
    { ...SALE_EVIDENCE, revisions: [{ ...LATEST, ...changes }] },
    { terms: TERMS, rate: null, behind: [], ...rules },
    [],
    { role: 'admin' },
    () => null,
  );
  expect([isExplanation(JSON.parse(JSON.stringify(explanation))), isExplanation.errors]).toEqual([
    true,
    null,
  ]);
  return (explanation as { money: { steps: object[] } }).money.steps;
}

describe('the steps of the money', () => {
  it('exchanged, paid by a tier of its revenue, under caps', () => {
    const payouts: OfferTerms['payouts'] = [
      {
        eventType: 'sale',
        partnerId: null,
        currency: 'USD',
        kind: 'revenue_tiers',
        tiers: [{ from: 50_000_000n, pays: { kind: 'fixed', amount: usd(7_250_000n) } }],
      },
    ];
    const places = TERMS.caps.map(({ capId, limit }) => ({
      capId,
      key: `acme\u0000${capId}`,
      periodStart: limit.kind === 'count' ? SOLD_AT - (SOLD_AT % 86_400_000) : 0,
      isGranted: true,
      payoutMicros: limit.kind === 'count' ? 0n : 7_250_000n,
    }));
    const changes: Partial<ConversionDecided> = {
      payoutRule: 'sale:revenue_tiers:1',
      payoutMicros: 7_250_000n,
      payoutCurrency: 'USD',
      payoutParts: [],
      exchangeRateId: RATE.id,
      capPlaces: places,
    };
    expect(stepsOf(changes, { terms: { ...TERMS, payouts }, rate: RATE })).toMatchObject([
      { step: 'revenue' },
      {
        step: 'exchange',
        exchangeRateId: 'eur-usd@2',
        rate: { from: 'EUR', to: 'USD', numerator: '110', denominator: '100' },
        money: { micros: '130900000', decimal: '130.9', currency: 'USD' },
        isRounded: false,
      },
      {
        step: 'rule',
        tier: 1,
        tierFrom: '50000000',
        pays: { kind: 'fixed', amount: { decimal: '7.25', currency: 'USD' } },
      },
      {
        step: 'cap',
        caps: [
          {
            capId: 'acme-offer:count',
            period: 'day',
            periodStart: '2030-01-02T00:00:00.000Z',
            limit: { kind: 'count', count: 100 },
          },
          {
            capId: 'acme-offer:payout',
            payoutMicros: '7250000',
            limit: { kind: 'payout', money: { micros: '500000000' } },
          },
        ],
      },
      { step: 'split', parts: [{ money: { micros: '7250000' } }] },
      { step: 'reversed' },
    ]);
  });

  it('of a rate that cannot be found any more', () => {
    expect(stepsOf({ exchangeRateId: 'gone@1' }, { terms: null })).toContainEqual({
      step: 'exchange',
      exchangeRateId: 'gone@1',
      rate: null,
      money: null,
      isRounded: false,
    });
  });
});

it('a conversion of before there was a ledger is explained too', () => {
  const old: Partial<ConversionDecided> = {
    eventTypes: [],
    payoutParts: [],
    matchedBy: null,
    clickKind: null,
    clickReceivedAt: null,
    ledger: { ...LATEST.ledger, firstPartition: null, firstOffset: null, furtherReceiptIds: [] },
  };
  expect(stepsOf(old, { terms: null }).map((step) => (step as attribution.MoneyStep).step)).toEqual([
    'revenue',
    'rule',
    'split',
    'reversed',
  ]);
});

describe('the settings of a delivery', () => {
  const first = { ...LATEST, revision: 1, offerId: 'first-offer' };
  const second = { ...LATEST, revision: 2, offerId: 'second-offer' };

  it.each([
    ['the event is told by those for the revision it tells', 'event', null, 'second-offer'],
    ['a correction by those for the revision that its event told', 'restate', 1, 'first-offer'],
  ])('%s', (_name, kind, eventRevision, offerId) => {
    const deliveryId = 'de11fe12-0000-8000-8000-0000000000a1';
    const attempts = SALE_EVIDENCE.attempts.map((attempt) => ({
      ...attempt,
      holdings: [{ deliveryId, kind, eventRevision } as DeliveryAttempted['holdings'][number]],
    }));
    const asked: (string | null)[] = [];
    explanationOf(
      { ...SALE_EVIDENCE, revisions: [first, second], attempts },
      { terms: null, rate: null, behind: [] },
      [],
      { role: 'admin' },
      (_request, decided) => {
        asked.push(decided.offerId);
        return null;
      },
    );
    expect(asked).toEqual([offerId]);
  });
});

it('a rehearsal is told from an attempt that has not ended', () => {
  const attempts = SALE_EVIDENCE.attempts.map((attempt) => ({
    ...attempt,
    deliveries: attempt.deliveries.map((delivery) => ({ ...delivery, outcome: null })),
  }));
  const explained = (of: typeof attempts) =>
    explanationOf(
      { ...SALE_EVIDENCE, attempts: of },
      { terms: null, rate: null, behind: [] },
      [],
      { role: 'admin' },
      () => null,
    );
  expect(explained(attempts)).toMatchObject({ deliveries: [{ outcome: 'rehearsed' }] });
  expect(explained(attempts.filter(({ phase }) => phase === 'intended'))).toMatchObject({
    deliveries: [{ outcome: null }],
  });
});
