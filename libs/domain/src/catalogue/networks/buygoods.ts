/** BuyGoods: one URL for sales and one for refunds, macros in capitals. */
import { CLICK_ID, type Network } from '../network.ts';

export const buygoods: Network = {
  key: 'buygoods',
  name: 'BuyGoods',
  kind: 'affiliate_network',
  source: 'https://docs.bemob.com/en/buygoods-settings',
  confirmed: true,
  notes: ['subid= is named by a page of Everflow; that the refund URL takes the same macros is from memory.'],
  inbound: {
    clickIdParameter: 'subid=',
    calls: [
      {
        reports: 'a sale: the conversion URL',
        method: 'GET',
        parameters: 'click_id={SUBID}&transaction_id={ORDERID}&revenue={COMMISSION_AMOUNT}&event_type=sale',
        examples: [
          {
            title: 'a sale',
            macros: {
              '{SUBID}': CLICK_ID,
              '{ORDERID}': '70012',
              '{COMMISSION_AMOUNT}': '38.00',
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: '70012',
              revenueMicros: 38_000_000n,
              currency: 'USD',
            },
          },
        ],
      },
      {
        reports: 'a refund or chargeback: the refund URL',
        method: 'GET',
        parameters:
          'click_id={SUBID}&original_transaction_id={ORDERID}&revenue={COMMISSION_AMOUNT}&event_type=refund',
        examples: [
          {
            title: 'a refund',
            macros: {
              '{SUBID}': CLICK_ID,
              '{ORDERID}': '70012',
              '{COMMISSION_AMOUNT}': '38.00',
            },
            expected: {
              eventType: 'refund',
              status: 'approved',
              clickId: CLICK_ID,
              originalTransactionId: '70012',
              revenueMicros: 38_000_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultCurrency: 'USD' },
  },
};
