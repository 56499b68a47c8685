/** Shopify: order and refund webhooks; our click id is an attribute of the cart. */
import { CLICK_ID, type Network } from '../network.ts';

export const shopify: Network = {
  key: 'shopify',
  name: 'Shopify',
  kind: 'shop',
  source: 'https://shopify.dev/docs/api/webhooks/2025-04',
  confirmed: true,
  notes: [
    'The shop keeps our click id as the cart attribute click_id; it comes back among note_attributes.',
    'Of a refund only its first transaction is read.',
    'The order of the webhook is confirmed; the fields of refunds/create are from memory.',
  ],
  inbound: {
    clickIdParameter: null,
    calls: [
      {
        reports: 'an order: the topic orders/paid',
        method: 'POST',
        parameters: 'event_type=sale',
        examples: [
          {
            title: 'a paid order',
            jsonText: `{
              "id": 820982911946154508,
              "created_at": "2021-12-31T19:00:00-05:00",
              "currency": "USD",
              "financial_status": "paid",
              "total_price": "403.00",
              "total_tax": "3.00",
              "total_shipping_price_set": { "shop_money": { "amount": "10.00", "currency_code": "USD" } },
              "note_attributes": [
                { "name": "gift", "value": "no" },
                { "name": "click_id", "value": "${CLICK_ID}" }
              ],
              "discount_codes": [{ "code": "WELCOME", "amount": "5.00", "type": "fixed_amount" }],
              "customer": { "id": 115310627314723954 }
            }`,
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: '820982911946154508',
              revenueMicros: 403_000_000n,
              taxMicros: 3_000_000n,
              shippingMicros: 10_000_000n,
              currency: 'USD',
              customerId: '115310627314723954',
              couponCode: 'WELCOME',
              occurredAt: Date.UTC(2022, 0, 1, 0, 0, 0),
            },
          },
        ],
      },
      {
        reports: 'a refund: the topic refunds/create',
        method: 'POST',
        parameters: 'event_type=refund',
        examples: [
          {
            title: 'a refund',
            jsonText: `{
              "id": 890088186047892319,
              "order_id": 820982911946154508,
              "created_at": "2022-01-05T10:00:00-05:00",
              "transactions": [{ "id": 179259969, "amount": "20.00", "currency": "USD", "kind": "refund" }]
            }`,
            expected: {
              eventType: 'refund',
              status: 'approved',
              transactionId: '820982911946154508',
              reversalId: '179259969',
              revenueMicros: 20_000_000n,
              currency: 'USD',
              occurredAt: Date.UTC(2022, 0, 5, 15, 0, 0),
            },
          },
        ],
      },
    ],
    profile: {
      aliases: {
        clickId: ['note_attributes[name=click_id].value'],
        transactionId: ['order_id', 'id'],
        reversalId: ['transactions[0].id'],
        revenue: ['transactions[0].amount', 'total_price'],
        currency: ['transactions[0].currency'],
        status: ['financial_status'],
        tax: ['total_tax'],
        shipping: ['total_shipping_price_set.shop_money.amount'],
        couponCode: ['discount_codes[0].code'],
        customerId: ['customer.id'],
        occurredAt: ['created_at'],
      },
      statuses: {
        pending: 'pending',
        authorized: 'pending',
        partially_paid: 'pending',
        paid: 'approved',
        partially_refunded: 'approved',
        refunded: 'approved',
        voided: 'rejected',
      },
    },
  },
};
