/** Gumroad: pings as a form with bracketed keys; prices in cents, a sale, refund or dispute by the name of the resource. */
import { CLICK_ID, type Network } from '../network.ts';

export const gumroad: Network = {
  key: 'gumroad',
  name: 'Gumroad',
  kind: 'shop',
  source: 'https://www.mintlify.com/antiwork/gumroad/api/resource-subscriptions',
  confirmed: true,
  notes: [
    'A form, and the names of the resources, are confirmed; resource_name, url_params, order_number and test are from memory.',
    'The parameters of the product page come back as url_params[…].',
  ],
  inbound: {
    clickIdParameter: 'click_id=',
    calls: [
      {
        reports: 'a sale, refund or dispute',
        method: 'POST',
        parameters: '',
        examples: [
          {
            title: 'a sale',
            form: {
              resource_name: 'sale',
              sale_id: 'FO8TXN-dvxYabdavG97Y-Q==',
              sale_timestamp: '2026-01-02T03:04:05Z',
              order_number: '524459935',
              product_id: '123',
              price: '1500',
              currency: 'usd',
              quantity: '1',
              'url_params[click_id]': CLICK_ID,
              refunded: 'false',
              disputed: 'false',
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'FO8TXN-dvxYabdavG97Y-Q==',
              revenueMicros: 15_000_000n,
              currency: 'USD',
              productId: '123',
              quantity: 1,
              occurredAt: Date.UTC(2026, 0, 2, 3, 4, 5),
            },
          },
          {
            title: 'a refund',
            form: {
              resource_name: 'refund',
              sale_id: 'FO8TXN-dvxYabdavG97Y-Q==',
              price: '1500',
              currency: 'usd',
              refunded: 'true',
            },
            expected: {
              eventType: 'refund',
              status: 'approved',
              transactionId: 'FO8TXN-dvxYabdavG97Y-Q==',
              revenueMicros: 15_000_000n,
              currency: 'USD',
            },
          },
          {
            title: 'a dispute that the seller has won',
            form: { resource_name: 'dispute_won', sale_id: 'FO8TXN-dvxYabdavG97Y-Q==' },
            expected: { ignored: 'ignored_by_profile' },
          },
        ],
      },
    ],
    profile: {
      aliases: {
        eventType: ['resource_name'],
        clickId: ['url_params[click_id]'],
        transactionId: ['sale_id'],
        revenue: ['price'],
        occurredAt: ['sale_timestamp'],
      },
      eventTypes: { sale: 'sale', refund: 'refund', dispute: 'chargeback' },
      ignoredEventTypes: [
        'dispute_won',
        'cancellation',
        'subscription_updated',
        'subscription_ended',
        'subscription_restarted',
      ],
      amountUnit: 'cents',
    },
  },
};
