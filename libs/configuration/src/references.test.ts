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
  },
  subscription: {
    id: 'sales',
    destinationId: 'capi',
    filter: { offerIds: ['shoes'], partnerIds: ['network'], sourceIds: ['shop'] },
  },
} as const;

function configured(): Configuration {
  const configuration = new Configuration();
  for (const [type, document] of Object.entries(documents))
    configuration.apply(configuration.version + 1, aChange(type as ConfiguredEntityType, document));
  return configuration;
}

function dangling(configuration: Configuration, type: ConfiguredEntityType) {
  const parsed = parseDocument(type, documents[type]);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return danglingReferences(configuration, type, parsed.entity).map(({ path }) => path);
}

describe('references', () => {
  it.each<[ConfiguredEntityType, string[]]>([
    ['advertiser', []],
    ['partner', []],
    ['offer', ['advertiserId', 'payouts.1.partnerId']],
    ['campaign', ['offerId', 'partnerId']],
    ['source', ['advertiserId']],
    ['destination', ['advertiserId', 'partnerId']],
    ['subscription', ['destinationId', 'filter.offerIds.0', 'filter.partnerIds.0', 'filter.sourceIds.0']],
  ])('of a %s are found, and missing ones told by place', (type, paths) => {
    expect(dangling(new Configuration(), type)).toEqual(paths);
    expect(dangling(configured(), type)).toEqual([]);
  });

  it.each<[ConfiguredEntityType, string, string[]]>([
    ['advertiser', 'acme', ['offer:shoes', 'source:shop', 'destination:capi']],
    ['partner', 'network', ['offer:shoes', 'campaign:summer', 'destination:capi', 'subscription:sales']],
    ['offer', 'shoes', ['campaign:summer', 'subscription:sales']],
    ['destination', 'capi', ['subscription:sales']],
    ['source', 'shop', ['subscription:sales']],
    ['subscription', 'sales', []],
    ['partner', 'acme', []],
  ])('%s %s is named by', (type, id, referrers) => {
    expect(referrersOf(configured(), type, id)).toEqual(referrers);
  });
});
