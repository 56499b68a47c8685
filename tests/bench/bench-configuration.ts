/** The configuration of the ingestion benchmark: two sources, one with a token, one that signs, and a campaign. */
import { createHash } from 'node:crypto';
import type { ConfiguredEntityType } from '@tributary/configuration';
import { Encryption } from '@tributary/runtime';
import { CAMPAIGN_ID, PROFILE, SIGNED_SOURCE_ID, SIGNING_SECRET, SOURCE_ID, TOKEN } from './load/requests.ts';

type Change = readonly [
  ConfiguredEntityType,
  { readonly id: string; readonly [field: string]: unknown },
  Readonly<Record<string, Buffer>>,
];

/** @param secretsKey encrypts what is secret, as console would. */
export function benchChanges(secretsKey: string): readonly Change[] {
  const context = `source:${SIGNED_SOURCE_ID}:signing.first`;
  const signing = new Encryption(secretsKey).encryptSecret(SIGNING_SECRET, context);
  const tokenHashes = [createHash('sha256').update(TOKEN).digest('hex')];
  return [
    ['advertiser', { id: 'bench', name: 'Bench', currency: 'EUR' }, {}],
    ['offer', { id: 'bench-offer', advertiserId: 'bench', name: 'Bench' }, {}],
    [
      'campaign',
      {
        id: CAMPAIGN_ID,
        offerId: 'bench-offer',
        name: 'Bench',
        status: 'active',
        landingUrl: 'https://shop.example/landing?cid={click_id}&s={sub1}',
      },
      {},
    ],
    ['source', { id: SOURCE_ID, advertiserId: 'bench', name: 'Network', tokenHashes, profile: PROFILE }, {}],
    [
      'source',
      { id: SIGNED_SOURCE_ID, advertiserId: 'bench', name: 'Backend', profile: PROFILE },
      { 'signing.first': signing },
    ],
  ];
}
