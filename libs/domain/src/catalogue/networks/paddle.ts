/** Paddle Billing: transactions and adjustments; amounts as text in the minor unit. */
import { CLICK_ID, type Network } from '../network.ts';

export const paddle: Network = {
  key: 'paddle',
  name: 'Paddle Billing',
  kind: 'payment_platform',
  source: 'https://developer.trackpilots.com/api-reference/transactions/transactioncompleted',
  confirmed: true,
  notes: [
    'Choose transaction.completed and adjustment.created; the checkout passes our click id as custom_data.click_id.',
    'transaction.completed was read as an example; adjustment.created and the values of origin are from memory.',
  ],
  inbound: {
    clickIdParameter: null,
    calls: [
      {
        reports: 'a notification',
        method: 'POST',
        parameters: '',
        examples: [
          {
            title: 'a completed transaction',
            json: {
              event_id: 'evt_01hv8x2axb33yr5y238zfwcn5p',
              event_type: 'transaction.completed',
              occurred_at: '2024-04-12T10:18:50.155553Z',
              notification_id: 'ntf_01hv8x2azy7scaan4s0eb0273x',
              data: {
                id: 'txn_01hv8wptq8987qeep44cyrewp9',
                status: 'completed',
                origin: 'web',
                customer_id: 'ctm_01hv6y1jedq4p1n0yqn5ba3ky4',
                currency_code: 'USD',
                custom_data: { click_id: CLICK_ID },
                details: { totals: { subtotal: '59900', tax: '5315', total: '65215', grand_total: '65215' } },
              },
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'txn_01hv8wptq8987qeep44cyrewp9',
              reversalId: 'txn_01hv8wptq8987qeep44cyrewp9',
              revenueMicros: 652_150_000n,
              taxMicros: 53_150_000n,
              currency: 'USD',
              customerId: 'ctm_01hv6y1jedq4p1n0yqn5ba3ky4',
              occurredAt: Date.UTC(2024, 3, 12, 10, 18, 50, 155),
            },
          },
          {
            title: 'a refund',
            json: {
              event_id: 'evt_2',
              event_type: 'adjustment.created',
              occurred_at: '2024-04-13T10:00:00Z',
              data: {
                id: 'adj_01hvgf2s84dr6reszzg29zbvcm',
                action: 'refund',
                transaction_id: 'txn_01hv8wptq8987qeep44cyrewp9',
                customer_id: 'ctm_01hv6y1jedq4p1n0yqn5ba3ky4',
                currency_code: 'USD',
                totals: { total: '5000' },
              },
            },
            expected: {
              eventType: 'refund',
              status: 'approved',
              transactionId: 'txn_01hv8wptq8987qeep44cyrewp9',
              reversalId: 'adj_01hvgf2s84dr6reszzg29zbvcm',
              revenueMicros: 50_000_000n,
              currency: 'USD',
              customerId: 'ctm_01hv6y1jedq4p1n0yqn5ba3ky4',
              occurredAt: Date.UTC(2024, 3, 13, 10, 0, 0),
            },
          },
        ],
      },
    ],
    profile: {
      aliases: {
        clickId: ['data.custom_data.click_id'],
        transactionId: ['data.transaction_id', 'data.id'],
        reversalId: ['data.id'],
        revenue: ['data.details.totals.grand_total', 'data.totals.total'],
        tax: ['data.details.totals.tax'],
        currency: ['data.currency_code'],
        customerId: ['data.customer_id'],
      },
      eventTypeRules: [
        { when: { event_type: 'adjustment.created', 'data.action': 'refund' }, eventType: 'refund' },
        { when: { event_type: 'adjustment.created', 'data.action': 'chargeback' }, eventType: 'chargeback' },
        {
          when: { event_type: 'transaction.completed', 'data.origin': 'subscription_recurring' },
          eventType: 'renewal',
        },
      ],
      eventTypes: { 'transaction.completed': 'sale' },
      ignoredEventTypes: ['adjustment.created', 'adjustment.updated'],
      amountUnit: 'cents',
    },
  },
};
