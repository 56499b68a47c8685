/** LosPollos: smartlinks for dating, paid in US dollars. */
import { CLICK_ID, COMMUNITY, type Network } from '../network.ts';

export const lospollos: Network = {
  key: 'lospollos',
  name: 'LosPollos',
  kind: 'affiliate_network',
  source: COMMUNITY,
  confirmed: false,
  inbound: {
    clickIdParameter: 'cid=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters: 'click_id={cid}&revenue={sum}',
        examples: [
          {
            title: 'a conversion',
            macros: {
              '{cid}': CLICK_ID,
              '{sum}': '1.05',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              revenueMicros: 1_050_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead', defaultCurrency: 'USD' },
  },
};
