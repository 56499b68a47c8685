/** OGAds: mobile content lockers; the click id travels in the fourth sub-id. */
import { CLICK_ID, COMMUNITY, type Network } from '../network.ts';

export const ogads: Network = {
  key: 'ogads',
  name: 'OGAds',
  kind: 'affiliate_network',
  source: COMMUNITY,
  confirmed: false,
  notes: ['Seen once, on a page that was not kept.'],
  inbound: {
    clickIdParameter: 'aff_sub4=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters: 'click_id={aff_sub4}&revenue={payout}',
        examples: [
          {
            title: 'a lead',
            macros: {
              '{aff_sub4}': CLICK_ID,
              '{payout}': '0.9',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              revenueMicros: 900_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead', defaultCurrency: 'USD' },
  },
};
