/** Zeustrack: tokens with a point, the id of the click in visit.externalId. */
import { CLICK_ID, type Network } from '../network.ts';

export const zeustrack: Network = {
  key: 'zeustrack',
  name: 'Zeustrack',
  kind: 'tracker',
  source: 'https://zeustrak.freshdesk.com/en/support/solutions/articles/35000097178-traffic-source-postback',
  confirmed: true,
  inbound: {
    clickIdParameter: 'externalId=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters: 'click_id={visit.externalId}&revenue={payout}',
        examples: [
          {
            title: 'a conversion that it passes on',
            macros: {
              '{visit.externalId}': CLICK_ID,
              '{payout}': '2',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              revenueMicros: 2_000_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead', defaultCurrency: 'USD' },
  },
};
