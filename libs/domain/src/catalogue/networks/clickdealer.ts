/** ClickDealer: tokens of CAKE, with its lead id as the transaction. */
import { CLICK_ID, COMMUNITY, type Network } from '../network.ts';

export const clickdealer: Network = {
  key: 'clickdealer',
  name: 'ClickDealer',
  kind: 'affiliate_network',
  source: COMMUNITY,
  confirmed: false,
  notes: ['The currency is that of the account: set defaultCurrency.'],
  inbound: {
    clickIdParameter: 's2=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters: 'click_id=#s2#&transaction_id=#leadid#&revenue=#price#',
        examples: [
          {
            title: 'a lead',
            macros: {
              '#s2#': CLICK_ID,
              '#leadid#': 'D00FA1',
              '#price#': '3.2',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'D00FA1',
              revenueMicros: 3_200_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead', defaultCurrency: 'USD' },
  },
};
