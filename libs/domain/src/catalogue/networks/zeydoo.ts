/** Zeydoo: the click id is called ymid. */
import { CLICK_ID, COMMUNITY, type Network } from '../network.ts';

export const zeydoo: Network = {
  key: 'zeydoo',
  name: 'Zeydoo',
  kind: 'affiliate_network',
  source: COMMUNITY,
  confirmed: false,
  inbound: {
    clickIdParameter: 'ymid=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters: 'click_id={ymid}&revenue={amount}',
        examples: [
          {
            title: 'a conversion',
            macros: {
              '{ymid}': CLICK_ID,
              '{amount}': '2.2',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              revenueMicros: 2_200_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead', defaultCurrency: 'USD' },
  },
};
