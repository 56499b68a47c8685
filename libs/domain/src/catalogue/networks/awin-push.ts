/** Awin: transaction notifications by POST, the whole transaction as JSON within one field of a form. */
import { CLICK_ID, type Network } from '../network.ts';

export const awinPush: Network = {
  key: 'awin-push',
  name: 'Awin (POST)',
  kind: 'affiliate_network',
  source: 'https://developer.awin.com/docs/request-types',
  confirmed: false,
  notes: [
    'That there is a POST with JSON is confirmed; the name of the field and the members of the JSON are from memory.',
    'A notification is sent when a transaction is recorded, before the advertiser has approved it: it counts as pending.',
  ],
  inbound: {
    clickIdParameter: 'clickref=',
    calls: [
      {
        reports: 'a recorded transaction',
        method: 'POST',
        parameters: '',
        examples: [
          {
            title: 'a transaction',
            form: {
              AwinTransactionPush: JSON.stringify({
                transactionId: 1234567,
                transactionDate: '2026-01-02 03:04:05',
                transactionCurrency: 'GBP',
                transactionAmount: 32.8,
                merchantId: 3661,
                clickRef: CLICK_ID,
                commission: 1.64,
              }),
            },
            expected: {
              eventType: 'sale',
              status: 'pending',
              clickId: CLICK_ID,
              transactionId: '1234567',
              revenueMicros: 1_640_000n,
              currency: 'GBP',
              productId: '3661',
              occurredAt: Date.UTC(2026, 0, 2, 3, 4, 5),
            },
          },
        ],
      },
    ],
    profile: {
      aliases: {
        clickId: ['AwinTransactionPush.clickRef'],
        transactionId: ['AwinTransactionPush.transactionId'],
        revenue: ['AwinTransactionPush.commission'],
        currency: ['AwinTransactionPush.transactionCurrency'],
        productId: ['AwinTransactionPush.merchantId'],
        occurredAt: ['AwinTransactionPush.transactionDate'],
      },
      defaultEventType: 'sale',
      defaultStatus: 'pending',
      timeFormats: ['ymd_hms'],
    },
  },
};
