/** JVZoo: notifications of the second version as a form, amounts in dollars; a chargeback comes as a refund. */
import type { Network } from '../network.ts';

export const jvzoo: Network = {
  key: 'jvzoo',
  name: 'JVZoo',
  kind: 'shop',
  source:
    'https://support.jvzoo.com/hc/en-us/articles/49387230478235-JVZIPN-v2-How-to-Receive-JVZoo-Order-Data-in-Your-Script-Updated-for-Payouts',
  confirmed: true,
  notes: [
    'Version 1 has other names and amounts in pennies: this row is for version 2.',
    'No field with our click id is known: matched by the hash of the e-mail address where the offer allows it.',
    'A refund carries the receipt of its sale; that is from memory.',
  ],
  inbound: {
    clickIdParameter: null,
    calls: [
      {
        reports: 'a sale, rebill or refund',
        method: 'POST',
        parameters: '',
        examples: [
          {
            title: 'a sale, with the values of the page',
            form: {
              paykey: 'AP-ABC123XYZ',
              transaction_id: 'ABC123XYZ',
              transaction_type: 'SALE',
              total: '47.00',
              status: 'Completed',
              product_id: '1001',
              product_type: 'STANDARD',
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              transactionId: 'ABC123XYZ',
              revenueMicros: 47_000_000n,
              currency: 'USD',
              productId: '1001',
            },
          },
          {
            title: 'a refund or chargeback',
            form: {
              transaction_id: 'ABC123XYZ',
              transaction_type: 'RFND',
              total: '47.00',
              status: 'Completed',
              product_id: '1001',
            },
            expected: {
              eventType: 'refund',
              status: 'approved',
              transactionId: 'ABC123XYZ',
              revenueMicros: 47_000_000n,
              currency: 'USD',
              productId: '1001',
            },
          },
          {
            title: 'a subscription is cancelled',
            form: { transaction_id: 'ABC123XYZ', transaction_type: 'CANCEL-REBILL', status: 'Completed' },
            expected: { ignored: 'ignored_by_profile' },
          },
        ],
      },
    ],
    profile: {
      aliases: { eventType: ['transaction_type'], revenue: ['total'], email: ['customer_email'] },
      eventTypes: { SALE: 'sale', BILL: 'renewal', REBILL: 'renewal', RFND: 'refund', CGBK: 'chargeback' },
      ignoredEventTypes: ['CANCEL-REBILL', 'INSF', 'TEST'],
      statuses: { Completed: 'approved', Pending: 'pending', Refunded: 'approved' },
      defaultCurrency: 'USD',
    },
  },
};
