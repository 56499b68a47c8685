/** GoAffPro: two URLs, one for new orders and one for changed ones, with macros in double braces. */
import { CLICK_ID, type Network } from '../network.ts';

export const goaffpro: Network = {
  key: 'goaffpro',
  name: 'GoAffPro',
  kind: 'affiliate_platform',
  source:
    'https://docs.goaffpro.com/program-management/manage-affiliates/affiliate-profile-settings/send-s2s-callback',
  confirmed: true,
  notes: ['Amounts come without a currency: set defaultCurrency to that of the shop.'],
  inbound: {
    clickIdParameter: 'sub_id=',
    calls: [
      {
        reports: 'an order: the order created callback',
        method: 'GET',
        parameters: 'click_id={{link.sub_id}}&transaction_id={{order.number}}&revenue={{order.commission}}',
        examples: [
          {
            title: 'an order',
            macros: {
              '{{link.sub_id}}': CLICK_ID,
              '{{order.number}}': '#1042',
              '{{order.commission}}': '8.10',
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: '#1042',
              revenueMicros: 8_100_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'sale', defaultCurrency: 'USD' },
  },
};
