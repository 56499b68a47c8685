/** Chargebee: events with the transaction within their content; amounts in the minor unit. */
import { CLICK_ID, type Network } from '../network.ts';

export const chargebee: Network = {
  key: 'chargebee',
  name: 'Chargebee',
  kind: 'payment_platform',
  source: 'from memory, no page was found',
  confirmed: false,
  notes: ['Our click id is the custom field cf_click_id of the customer or the subscription.'],
  inbound: {
    clickIdParameter: null,
    calls: [
      {
        reports: 'a payment or a refund',
        method: 'POST',
        parameters: '',
        examples: [
          {
            title: 'a payment',
            json: {
              id: 'ev_16BHbhF4s42tO2lK',
              occurred_at: 1767323045,
              event_type: 'payment_succeeded',
              content: {
                transaction: {
                  id: 'txn_16BHbhF4s42',
                  amount: 4900,
                  currency_code: 'USD',
                  customer_id: 'cb_7',
                },
                customer: { id: 'cb_7', cf_click_id: CLICK_ID },
              },
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'txn_16BHbhF4s42',
              revenueMicros: 49_000_000n,
              currency: 'USD',
              customerId: 'cb_7',
              occurredAt: Date.UTC(2026, 0, 2, 3, 4, 5),
            },
          },
        ],
      },
    ],
    profile: {
      aliases: {
        clickId: ['content.subscription.cf_click_id', 'content.customer.cf_click_id'],
        transactionId: ['content.transaction.id'],
        originalTransactionId: ['content.transaction.refunded_txn_id'],
        revenue: ['content.transaction.amount'],
        currency: ['content.transaction.currency_code'],
        customerId: ['content.transaction.customer_id'],
      },
      eventTypes: { payment_succeeded: 'sale', payment_refunded: 'refund' },
      ignoredEventTypes: [
        'payment_failed',
        'subscription_created',
        'subscription_renewed',
        'subscription_cancelled',
      ],
      amountUnit: 'cents',
      timeFormats: ['unix_seconds'],
    },
  },
};
