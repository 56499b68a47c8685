/** Advidi: posts the click and a transaction, and no amount. */
import { CLICK_ID, COMMUNITY, type Network } from '../network.ts';

export const advidi: Network = {
  key: 'advidi',
  name: 'Advidi',
  kind: 'affiliate_network',
  source: COMMUNITY,
  confirmed: false,
  notes: [
    'No amount is sent: give the event type a value in defaultRevenue, or let the offer pay a fixed sum.',
  ],
  inbound: {
    clickIdParameter: 's2=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters: 'click_id=#s2#&transaction_id=#tid#',
        examples: [
          {
            title: 'a sale',
            macros: {
              '#s2#': CLICK_ID,
              '#tid#': '778899',
            },
            expected: { eventType: 'sale', status: 'approved', clickId: CLICK_ID, transactionId: '778899' },
          },
        ],
      },
    ],
    profile: { constants: { eventType: 'sale' } },
  },
};
