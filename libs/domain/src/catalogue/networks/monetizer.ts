/** Monetizer: smartlinks and push subscriptions. */
import { CLICK_ID, type Network } from '../network.ts';

export const monetizer: Network = {
  key: 'monetizer',
  name: 'Monetizer',
  kind: 'affiliate_network',
  source: 'https://docs.bemob.com/en/monetizer-settings',
  confirmed: true,
  notes: ['clickid= as the parameter of the link is from memory.'],
  inbound: {
    clickIdParameter: 'clickid=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters: 'click_id={clickID}&transaction_id={transactionID}&revenue={amount}',
        examples: [
          {
            title: 'a conversion',
            macros: {
              '{clickID}': CLICK_ID,
              '{transactionID}': 'tx-9',
              '{amount}': '0.12',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'tx-9',
              revenueMicros: 120_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead', defaultCurrency: 'USD' },
  },
};
