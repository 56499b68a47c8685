/** Bolead: placeholders in double braces, statuses of leads. */
import { CLICK_ID, type Network } from '../network.ts';

export const bolead: Network = {
  key: 'bolead',
  name: 'Bolead',
  kind: 'affiliate_network',
  source: 'https://docs.bolead.top/postbacks/form',
  confirmed: true,
  notes: [
    'Of the statuses only rejected was read: map the others in statuses.',
    'The currency of the rate is not documented: set defaultCurrency.',
  ],
  inbound: {
    clickIdParameter: 'sub1=',
    calls: [
      {
        reports: 'a conversion, and each change of its status',
        method: 'GET',
        parameters:
          'click_id={{sub1}}&transaction_id={{id}}&status={{status}}&revenue={{rateAmount}}&product_id={{offerId}}',
        examples: [
          {
            title: 'a rejected lead',
            macros: {
              '{{sub1}}': CLICK_ID,
              '{{id}}': '3001',
              '{{status}}': 'rejected',
              '{{rateAmount}}': '6',
              '{{offerId}}': '14',
            },
            expected: {
              eventType: 'lead',
              status: 'rejected',
              clickId: CLICK_ID,
              transactionId: '3001',
              revenueMicros: 6_000_000n,
              productId: '14',
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead', defaultCurrency: 'USD' },
  },
};
