/** Which ids a document names, whether they exist, and who names an entity. */
import { describe, expect, it } from 'vitest';
import { aChange } from './a-change.ts';
import { type ConfiguredEntityType, parseDocument } from './entities.ts';
import { Configuration } from './fold.ts';
import { danglingReferences, referrersOf } from './references.ts';

const documents = {
  advertiser: { id: 'acme', name: 'Acme', currency: 'EUR' },
  partner: { id: 'network', name: 'Network' },
  offer: {
    id: 'shoes',
    advertiserId: 'acme',
    name: 'Shoes',
    payouts: [
      { eventType: 'sale', kind: 'percent', percent: '5' },
      { eventType: 'sale', partnerId: 'network', kind: 'percent', percent: '7' },
    ],
    caps: [
      { id: 'all', period: 'day', count: 9 },
      { id: 'one', partnerId: 'network', period: 'day', count: 9 },
    ],
  },
  campaign: {
    id: 'summer',
    offerId: 'shoes',
    partnerId: 'network',
    name: 'Summer',
    landingUrl: 'https://shop.example/',
    status: 'active',
  },
  source: { id: 'shop', advertiserId: 'acme', name: 'Shop' },
  destination: {
    id: 'capi',
    name: 'CAPI',
    definition: 'meta',
    status: 'active',
    advertiserId: 'acme',
    partnerId: 'network',
    overrides: [
      { eventType: 'lead', settings: {} },
      { offerId: 'shoes', settings: {} },
    ],
  },
  subscription: {
    id: 'sales',
    destinationId: 'capi',
    filter: { offerIds: ['shoes'], partnerIds: ['network'], sourceIds: ['shop'] },
  },
  api_key: { id: 'network-key', name: 'Network', role: 'partner', partnerId: 'network' },
  exchange_rate: { id: 'usd-eur', from: 'USD', to: 'EUR', rate: '0.92' },
} as const;
const NOW = 1_000;

function configured(): Configuration {
  const configuration = new Configuration();
  for (const [type, document] of Object.entries(documents))
    configuration.apply(configuration.version + 1, aChange(type as ConfiguredEntityType, document));
  return configuration;
}

function dangling(configuration: Configuration, type: ConfiguredEntityType) {
  const parsed = parseDocument(type, documents[type]);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return danglingReferences(configuration, type, parsed.entity, NOW).map(({ path }) => path);
}

describe('references', () => {
  it.each<[ConfiguredEntityType, string[]]>([
    ['advertiser', []],
    ['partner', []],
    ['offer', ['advertiserId', 'payouts.1.partnerId', 'caps.1.partnerId']],
    ['campaign', ['offerId', 'partnerId']],
    ['source', ['advertiserId']],
    ['destination', ['advertiserId', 'partnerId', 'overrides.1.offerId']],
    ['subscription', ['destinationId', 'filter.offerIds.0', 'filter.partnerIds.0', 'filter.sourceIds.0']],
    ['api_key', ['partnerId']],
    ['exchange_rate', []],
  ])('of a %s are found, and missing ones told by place', (type, paths) => {
    expect(dangling(new Configuration(), type)).toEqual(paths);
    expect(dangling(configured(), type)).toEqual([]);
  });

  it.each<[ConfiguredEntityType, string, string[]]>([
    ['advertiser', 'acme', ['offer:shoes', 'source:shop', 'destination:capi']],
    [
      'partner',
      'network',
      ['offer:shoes', 'campaign:summer', 'destination:capi', 'subscription:sales', 'api_key:network-key'],
    ],
    ['offer', 'shoes', ['campaign:summer', 'destination:capi', 'subscription:sales']],
    ['destination', 'capi', ['subscription:sales']],
    ['source', 'shop', ['subscription:sales']],
    ['subscription', 'sales', []],
    ['partner', 'acme', []],
  ])('%s %s is named by', (type, id, referrers) => {
    expect(referrersOf(configured(), type, id, NOW)).toEqual(referrers);
  });

  it('count only what is in force when the one that names it comes into force', () => {
    const configuration = new Configuration();
    const later = aChange('advertiser', documents.advertiser, { effectiveFrom: NOW + 1 });
    configuration.apply(0, later);
    expect(dangling(configuration, 'source')).toEqual(['advertiserId']);
  });

  it('hold on to what is named now, also when a change for later names it no more', () => {
    const configuration = configured();
    const { partnerId: _partner, ...without } = documents.campaign;
    const change = aChange('campaign', without, { expectedVersion: 3, effectiveFrom: NOW + 1 });
    expect(configuration.apply(configuration.version + 1, change)).toEqual({ outcome: 'applied' });
    expect(referrersOf(configuration, 'partner', 'network', NOW)).toContain('campaign:summer');
    expect(referrersOf(configuration, 'partner', 'network', NOW + 1)).not.toContain('campaign:summer');
  });
});
