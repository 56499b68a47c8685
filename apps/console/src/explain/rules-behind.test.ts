/** The rules a revision was decided by: of then, as far as the decision had seen. */
import { aChange, Configuration } from '@tributary/configuration';
import type { ConversionDecided } from '@tributary/contracts';
import { attribution } from '@tributary/domain';
import { aDecision } from '@tributary/testing';
import { expect, it } from 'vitest';
import { rulesBehind } from './rules-behind.ts';

function offer(percent: string) {
  return {
    id: 'shoes',
    advertiserId: 'acme',
    name: 'Shoes',
    payouts: [{ eventType: 'sale', kind: 'percent', percent }],
  };
}

/** Offset by offset; the offer is at 1 from instant 100, at 3 from 200. */
function configured(): Configuration {
  const configuration = new Configuration();
  const changes = [
    aChange('advertiser', { id: 'acme', name: 'Acme', currency: 'EUR' }),
    aChange('offer', offer('10'), { recordedAt: 100 }),
    aChange('exchange_rate', { id: 'eur-usd', from: 'EUR', to: 'USD', rate: '1.07' }, { recordedAt: 100 }),
    aChange('offer', offer('20'), { expectedVersion: 1, recordedAt: 200 }),
  ];
  for (const [offset, change] of changes.entries())
    expect(configuration.apply(offset, change)).toEqual({ outcome: 'applied' });
  return configuration;
}

function rulesOf(changes: Partial<ConversionDecided>) {
  return rulesBehind(
    configured(),
    aDecision({ offerId: 'shoes', occurredAt: 150, receivedAt: 150, configurationVersion: 3, ...changes }),
  );
}

it.each([
  ['what was in force when it occurred', {}, 10_000_000n, 1],
  ['what came into force before it', { occurredAt: 250, receivedAt: 260 }, 20_000_000n, 3],
  ['not what a clock that runs ahead reaches', { occurredAt: 250, receivedAt: 150 }, 10_000_000n, 1],
  [
    'not what the decision had not seen',
    { occurredAt: 250, receivedAt: 260, configurationVersion: 2 },
    10_000_000n,
    1,
  ],
  ['of a fact of before the offer its first terms', { occurredAt: 50 }, 10_000_000n, 1],
] as const)('%s', (_name, changes, percentMicros, version) => {
  const { terms, behind } = rulesOf(changes);
  expect(terms?.payouts).toMatchObject([{ percentMicros }]);
  expect(behind.map((each) => [each.entityType, each.version])).toEqual([
    ['advertiser', 0],
    ['offer', version],
  ]);
});

it('finds the rate by the version in its name', () => {
  const { rate, behind } = rulesOf({ exchangeRateId: 'eur-usd@2' });
  expect(rate).toEqual({ id: 'eur-usd@2', from: 'EUR', to: 'USD', numerator: 107n, denominator: 100n });
  expect(behind.at(-1)).toEqual({
    entityType: 'exchange_rate',
    entityId: 'eur-usd',
    version: 2,
    effectiveFrom: 100,
  });
  expect(rulesOf({ exchangeRateId: 'eur-usd@1' }).rate).toBeNull();
});

it.each([
  ['without a winning click', { offerId: null }],
  ['while console has read less than the decision had', { configurationVersion: 4 }],
] as const)('knows no terms %s', (_name, changes) => {
  expect(rulesOf(changes).terms).toBeNull();
});

it('goes by the terms and the model that a person ordered, the terms for their own offer alone', () => {
  const { terms } = rulesOf({});
  if (terms === null) throw new Error('no terms are in force');
  const ordered = { ...terms, payouts: [] };
  const orders = { ...aDecision().orders, terms: attribution.termsText(ordered), model: 'linear' as const };
  expect(rulesOf({ orders }).terms).toEqual({ ...ordered, model: 'linear' });
  const elsewhere = { ...orders, terms: attribution.termsText({ ...ordered, offerId: 'hats' }) };
  expect(rulesOf({ orders: elsewhere }).terms).toEqual({ ...terms, model: 'linear' });
});
