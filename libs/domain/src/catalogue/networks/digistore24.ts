/** Digistore24: instant payment notifications as a form, with events that are no conversions among them. */
import { CLICK_ID, type Network } from '../network.ts';

export const digistore24: Network = {
  key: 'digistore24',
  name: 'Digistore24',
  kind: 'shop',
  source: 'https://dev.digistore24.com/en/articles/13-events',
  confirmed: true,
  notes: [
    'The events are confirmed; the names of the other fields and the answer OK are from memory.',
    'Every payment of a subscription comes as on_payment: the later ones count as sales, too.',
  ],
  inbound: {
    clickIdParameter: 'custom=',
    calls: [
      {
        reports: 'a payment, refund or chargeback',
        method: 'POST',
        parameters: '',
        examples: [
          {
            title: 'a payment',
            form: {
              event: 'on_payment',
              event_label: 'Payment',
              order_id: 'AA11AA11',
              transaction_id: '90211',
              transaction_amount: '47.00',
              transaction_currency: 'EUR',
              product_id: '65151',
              custom: CLICK_ID,
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'AA11AA11',
              reversalId: '90211',
              revenueMicros: 47_000_000n,
              currency: 'EUR',
              productId: '65151',
            },
          },
          {
            title: 'a refund',
            form: {
              event: 'on_refund',
              order_id: 'AA11AA11',
              transaction_id: '90300',
              transaction_amount: '-47.00',
              transaction_currency: 'EUR',
              product_id: '65151',
              custom: CLICK_ID,
            },
            expected: {
              eventType: 'refund',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'AA11AA11',
              reversalId: '90300',
              revenueMicros: 47_000_000n,
              currency: 'EUR',
              productId: '65151',
            },
          },
          {
            title: 'a payment is missing',
            form: { event: 'on_payment_missed', order_id: 'AA11AA11' },
            expected: { ignored: 'ignored_by_profile' },
          },
        ],
      },
    ],
    profile: {
      aliases: {
        clickId: ['custom'],
        transactionId: ['order_id'],
        reversalId: ['transaction_id'],
        revenue: ['transaction_amount'],
        currency: ['transaction_currency'],
      },
      eventTypes: { on_payment: 'sale', on_refund: 'refund', on_chargeback: 'chargeback' },
      ignoredEventTypes: [
        'connection_test',
        'on_payment_missed',
        'payment_denial',
        'on_rebill_cancelled',
        'on_rebill_resumed',
        'last_paid_day',
      ],
    },
    successBody: 'OK',
  },
};
