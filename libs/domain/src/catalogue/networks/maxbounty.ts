/** MaxBounty: tokens in capitals between hash signs, always US dollars. */
import { CLICK_ID, COMMUNITY, type Network } from '../network.ts';

export const maxbounty: Network = {
  key: 'maxbounty',
  name: 'MaxBounty',
  kind: 'affiliate_network',
  source: COMMUNITY,
  confirmed: false,
  inbound: {
    clickIdParameter: 's2=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters: 'click_id=#S2#&revenue=#RATE#&product_id=#OFFID#',
        examples: [
          {
            title: 'a lead',
            macros: {
              '#S2#': CLICK_ID,
              '#RATE#': '4.00',
              '#OFFID#': '12345',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              revenueMicros: 4_000_000n,
              productId: '12345',
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead', defaultCurrency: 'USD' },
  },
};
