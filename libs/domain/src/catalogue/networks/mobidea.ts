/** Mobidea: macros in capitals and double braces, always US dollars. */
import { CLICK_ID, COMMUNITY, type Network } from '../network.ts';

export const mobidea: Network = {
  key: 'mobidea',
  name: 'Mobidea',
  kind: 'affiliate_network',
  source: COMMUNITY,
  confirmed: false,
  inbound: {
    clickIdParameter: 'pub_click_id=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters: 'click_id={{EXTERNAL_ID}}&revenue={{MONEY}}',
        examples: [
          {
            title: 'a conversion',
            macros: {
              '{{EXTERNAL_ID}}': CLICK_ID,
              '{{MONEY}}': '0.64',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              revenueMicros: 640_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead', defaultCurrency: 'USD' },
  },
};
