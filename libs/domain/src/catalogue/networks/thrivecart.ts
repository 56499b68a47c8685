/** ThriveCart: account-wide webhooks as a form with bracketed keys and dotted events. */
import { CLICK_ID, type Network } from '../network.ts';

export const thrivecart: Network = {
  key: 'thrivecart',
  name: 'ThriveCart',
  kind: 'shop',
  source: 'https://developers.thrivecart.com/documentation/event_subscription/intro/',
  confirmed: false,
  notes: [
    'That account-wide webhooks are forms with dotted events is confirmed; fields and events are from memory.',
    'Amounts are in cents, from memory: compare the first order before money depends on it.',
  ],
  inbound: {
    clickIdParameter: 'passthrough[click_id]=',
    calls: [
      {
        reports: 'an order, a payment or a refund',
        method: 'POST',
        parameters: '',
        examples: [
          {
            title: 'an order',
            form: {
              event: 'order.success',
              mode: 'live',
              order_id: '5511',
              currency: 'USD',
              'order[total]': '9700',
              'order[tax]': '0',
              'customer[id]': '77',
              base_product: '3',
              'passthrough[click_id]': CLICK_ID,
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: '5511',
              revenueMicros: 97_000_000n,
              taxMicros: 0n,
              currency: 'USD',
              customerId: '77',
              productId: '3',
            },
          },
          {
            title: 'a refund',
            form: {
              event: 'order.refund',
              order_id: '5511',
              currency: 'USD',
              'refund[amount]': '9700',
              'customer[id]': '77',
            },
            expected: {
              eventType: 'refund',
              status: 'approved',
              transactionId: '5511',
              revenueMicros: 97_000_000n,
              currency: 'USD',
              customerId: '77',
            },
          },
        ],
      },
    ],
    profile: {
      aliases: {
        clickId: ['passthrough[click_id]'],
        revenue: ['refund[amount]', 'order[total]', 'subscription[amount]'],
        tax: ['order[tax]'],
        customerId: ['customer[id]'],
        productId: ['base_product'],
      },
      eventTypes: {
        'order.success': 'sale',
        'order.subscription_payment': 'renewal',
        'order.refund': 'refund',
      },
      ignoredEventTypes: [
        'order.rebill_failed',
        'order.subscription_cancelled',
        'order.subscription_paused',
        'order.subscription_resumed',
        'cart.abandoned',
        'affiliate.commission_earned',
      ],
      amountUnit: 'cents',
    },
  },
};
