/** Kajabi: a list of records of several types in one payload; the payment is the record of type transactions. */
import type { Network } from '../network.ts';

export const kajabi: Network = {
  key: 'kajabi',
  name: 'Kajabi',
  kind: 'payment_platform',
  source: 'https://developers.kajabi.com/api-reference/webhooks/payment-succeeded-sample',
  confirmed: true,
  notes: [
    'No field with our click id is known: matched by the customer, or by the hash of the e-mail address.',
  ],
  inbound: {
    clickIdParameter: null,
    calls: [
      {
        reports: 'a payment',
        method: 'POST',
        parameters: '',
        examples: [
          {
            title: 'the example of the page',
            json: {
              id: 'hash_id',
              event: 'payment_succeeded',
              payload: [
                {
                  id: '31',
                  type: 'transactions',
                  attributes: {
                    action: 'charge',
                    state: 'succeeded',
                    payment_type: 'charge',
                    amount_in_cents: 1000,
                    sales_tax_in_cents: 0,
                    currency: 'USD',
                    currency_symbol: '$',
                    formatted_amount: '$10.00',
                    created_at: '2025-07-31T17:10:19.285Z',
                  },
                },
                { id: '77', type: 'customers', attributes: { external_user_id: null } },
              ],
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              transactionId: '31',
              revenueMicros: 10_000_000n,
              taxMicros: 0n,
              currency: 'USD',
              customerId: '77',
              occurredAt: Date.UTC(2025, 6, 31, 17, 10, 19, 285),
            },
          },
        ],
      },
    ],
    profile: {
      aliases: {
        transactionId: ['payload[type=transactions].id'],
        revenue: ['payload[type=transactions].attributes.amount_in_cents'],
        tax: ['payload[type=transactions].attributes.sales_tax_in_cents'],
        currency: ['payload[type=transactions].attributes.currency'],
        occurredAt: ['payload[type=transactions].attributes.created_at'],
        customerId: ['payload[type=customers].id'],
        email: ['payload[type=customers].attributes.email'],
      },
      eventTypes: { payment_succeeded: 'sale' },
      amountUnit: 'cents',
    },
  },
};
