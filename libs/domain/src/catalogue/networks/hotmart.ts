/** Hotmart: webhooks 2.0, the purchase nested, prices as numbers in units, times in milliseconds. */
import { CLICK_ID, type Network } from '../network.ts';

export const hotmart: Network = {
  key: 'hotmart',
  name: 'Hotmart',
  kind: 'shop',
  source: 'https://docs.timelyai.com.br/en/webhooks/external/hotmart',
  confirmed: true,
  notes: [
    'Events are on the page, the fields were read in a recorded call; purchase.origin.sck is from memory.',
    'PURCHASE_COMPLETE comes after the guarantee for what PURCHASE_APPROVED has told already: it is acknowledged only.',
  ],
  inbound: {
    clickIdParameter: 'sck=',
    calls: [
      {
        reports: 'an event of a purchase',
        method: 'POST',
        parameters: '',
        examples: [
          {
            title: 'an approved purchase, with the values of the recorded call',
            json: {
              id: '00907e72-2694-4d21-ae59-bee19e74f030',
              creation_date: 1729032673904,
              event: 'PURCHASE_APPROVED',
              version: '2.0.0',
              data: {
                product: { id: 0, name: 'Produto test postback2' },
                commissions: [
                  { currency_value: 'BRL', source: 'MARKETPLACE', value: 149.5 },
                  { currency_value: 'BRL', source: 'PRODUCER', value: 1350.5 },
                ],
                purchase: {
                  approved_date: 1511783346000,
                  order_date: 1511783344000,
                  price: { currency_value: 'BRL', value: 1500 },
                  status: 'APPROVED',
                  transaction: 'HP16015479281022',
                  origin: { sck: CLICK_ID },
                },
                subscription: { subscriber: { code: 'I9OT62C3' }, plan: { id: 123 } },
              },
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'HP16015479281022',
              revenueMicros: 1_500_000_000n,
              currency: 'BRL',
              customerId: 'I9OT62C3',
              productId: '0',
              planId: '123',
              occurredAt: Date.UTC(2017, 10, 27, 11, 49, 6),
            },
          },
          {
            title: 'a refund',
            json: {
              creation_date: 1729032673904,
              event: 'PURCHASE_REFUNDED',
              data: {
                product: { id: 0 },
                purchase: {
                  price: { currency_value: 'BRL', value: 1500 },
                  status: 'REFUNDED',
                  transaction: 'HP16015479281022',
                },
              },
            },
            expected: {
              eventType: 'refund',
              status: 'approved',
              transactionId: 'HP16015479281022',
              revenueMicros: 1_500_000_000n,
              currency: 'BRL',
              productId: '0',
              occurredAt: Date.UTC(2024, 9, 15, 22, 51, 13, 904),
            },
          },
          {
            title: 'a bank slip has expired',
            json: { event: 'PURCHASE_EXPIRED', data: { purchase: { transaction: 'HP1' } } },
            expected: { ignored: 'ignored_by_profile' },
          },
        ],
      },
    ],
    profile: {
      aliases: {
        clickId: ['data.purchase.origin.sck', 'data.purchase.sckPaymentLink'],
        transactionId: ['data.purchase.transaction'],
        revenue: ['data.purchase.price.value'],
        currency: ['data.purchase.price.currency_value'],
        customerId: ['data.subscription.subscriber.code'],
        productId: ['data.product.id'],
        planId: ['data.subscription.plan.id'],
        occurredAt: ['data.purchase.approved_date', 'creation_date'],
      },
      eventTypes: {
        PURCHASE_APPROVED: 'sale',
        PURCHASE_REFUNDED: 'refund',
        PURCHASE_CHARGEBACK: 'chargeback',
      },
      ignoredEventTypes: [
        'PURCHASE_COMPLETE',
        'PURCHASE_CANCELED',
        'PURCHASE_PROTEST',
        'PURCHASE_DELAYED',
        'PURCHASE_EXPIRED',
        'PURCHASE_BILLET_PRINTED',
        'PURCHASE_OUT_OF_SHOPPING_CART',
        'SUBSCRIPTION_CANCELLATION',
        'SWITCH_PLAN',
      ],
      timeFormats: ['unix_milliseconds'],
    },
  },
};
