/** Lemon Squeezy: the event's name and our click id in meta, the order in data; amounts in cents. */
import { CLICK_ID, type Network } from '../network.ts';

export const lemonSqueezy: Network = {
  key: 'lemon-squeezy',
  name: 'Lemon Squeezy',
  kind: 'shop',
  source: 'from memory, no page was found',
  confirmed: false,
  inbound: {
    clickIdParameter: 'checkout[custom][click_id]=',
    calls: [
      {
        reports: 'an order, a payment of a subscription or a refund',
        method: 'POST',
        parameters: '',
        examples: [
          {
            title: 'an order',
            json: {
              meta: { event_name: 'order_created', custom_data: { click_id: CLICK_ID }, test_mode: false },
              data: {
                type: 'orders',
                id: '1',
                attributes: {
                  customer_id: 7,
                  currency: 'EUR',
                  total: 1999,
                  tax: 320,
                  status: 'paid',
                  created_at: '2026-01-02T03:04:05.000000Z',
                },
              },
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: '1',
              revenueMicros: 19_990_000n,
              taxMicros: 3_200_000n,
              currency: 'EUR',
              customerId: '7',
              occurredAt: Date.UTC(2026, 0, 2, 3, 4, 5),
            },
          },
          {
            title: 'the order is refunded',
            json: {
              meta: { event_name: 'order_refunded', custom_data: { click_id: CLICK_ID } },
              data: { id: '1', attributes: { currency: 'EUR', total: 1999, status: 'refunded' } },
            },
            expected: {
              eventType: 'refund',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: '1',
              revenueMicros: 19_990_000n,
              currency: 'EUR',
            },
          },
        ],
      },
    ],
    profile: {
      aliases: {
        eventType: ['meta.event_name'],
        isTest: ['meta.test_mode'],
        clickId: ['meta.custom_data.click_id'],
        transactionId: ['data.id'],
        revenue: ['data.attributes.total'],
        tax: ['data.attributes.tax'],
        currency: ['data.attributes.currency'],
        customerId: ['data.attributes.customer_id'],
        occurredAt: ['data.attributes.created_at'],
      },
      eventTypeRules: [
        {
          when: {
            'meta.event_name': 'subscription_payment_success',
            'data.attributes.billing_reason': 'initial',
          },
          eventType: 'subscription_started',
        },
      ],
      eventTypes: {
        order_created: 'sale',
        order_refunded: 'refund',
        subscription_payment_success: 'renewal',
        subscription_payment_refunded: 'refund',
      },
      ignoredEventTypes: [
        'subscription_created',
        'subscription_updated',
        'subscription_cancelled',
        'subscription_expired',
      ],
      amountUnit: 'cents',
    },
  },
};
