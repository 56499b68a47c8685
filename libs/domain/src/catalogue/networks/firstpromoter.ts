/** FirstPromoter: JSON webhooks of rewards, amounts in cents without a currency. */
import { CLICK_ID, type Network } from '../network.ts';

export const firstpromoter: Network = {
  key: 'firstpromoter',
  name: 'FirstPromoter',
  kind: 'affiliate_platform',
  source: 'https://docs.firstpromoter.com/webhooks/reward-created',
  confirmed: true,
  notes: [
    'The revenue is the sale that earned the reward; take data.amount for the reward itself.',
    "The webhook's fields are confirmed; that visitor_sub_id holds sub_id= of the link is from memory.",
    'Amounts come without a currency: set defaultCurrency to that of the account.',
  ],
  inbound: {
    clickIdParameter: 'sub_id=',
    calls: [
      {
        reports: 'a reward',
        method: 'POST',
        parameters: '',
        examples: [
          {
            title: 'the example of the page',
            json: {
              event: { id: 22737431, type: 'reward_created', created_at: '2024-10-03T14:23:20.791Z' },
              data: {
                id: 11174868,
                status: 'approved',
                amount: 200,
                unit: 'cash',
                created_at: '2024-10-03T14:23:20.495Z',
                event_id: 'sale_abc123',
                conversion_amount: 10000,
                tier_level: 1,
                lead: { id: 21381518, state: 'active', visitor_sub_id: CLICK_ID },
              },
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'sale_abc123',
              revenueMicros: 100_000_000n,
              currency: 'USD',
              customerId: '21381518',
              occurredAt: Date.UTC(2024, 9, 3, 14, 23, 20, 495),
            },
          },
        ],
      },
    ],
    profile: {
      aliases: {
        eventType: ['event.type'],
        status: ['data.status'],
        clickId: ['data.lead.visitor_sub_id'],
        transactionId: ['data.event_id'],
        revenue: ['data.conversion_amount'],
        customerId: ['data.lead.id'],
        occurredAt: ['data.created_at'],
      },
      eventTypes: { reward_created: 'sale' },
      statuses: { denied: 'rejected' },
      amountUnit: 'cents',
      defaultCurrency: 'USD',
    },
  },
};
