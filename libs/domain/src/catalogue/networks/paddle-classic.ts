/** Paddle Classic: alerts as a form, our click id in JSON within one of its fields. */
import { CLICK_ID, type Network } from '../network.ts';

export const paddleClassic: Network = {
  key: 'paddle-classic',
  name: 'Paddle Classic',
  kind: 'payment_platform',
  source: 'https://developer.paddle.com/webhook-reference/subscription-alerts/subscription-payment-succeeded',
  confirmed: true,
  notes: [
    'The checkout passes passthrough={"click_id":"…"}.',
    'alert_name, currency, event_time and balance_gross are on the page; passthrough, sale_gross, order_id and gross_refund are from memory.',
  ],
  inbound: {
    clickIdParameter: null,
    calls: [
      {
        reports: 'an alert',
        method: 'POST',
        parameters: '',
        examples: [
          {
            title: 'a payment of a subscription',
            form: {
              alert_id: '1391200021',
              alert_name: 'subscription_payment_succeeded',
              balance_currency: 'USD',
              balance_gross: '11.90',
              currency: 'EUR',
              event_time: '2026-01-02 03:04:05',
              order_id: '7-4',
              passthrough: JSON.stringify({ click_id: CLICK_ID }),
              payment_tax: '1.90',
              sale_gross: '10.50',
              user_id: '5',
            },
            expected: {
              eventType: 'renewal',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: '7-4',
              revenueMicros: 10_500_000n,
              taxMicros: 1_900_000n,
              currency: 'EUR',
              customerId: '5',
              occurredAt: Date.UTC(2026, 0, 2, 3, 4, 5),
            },
          },
          {
            title: 'a subscription is cancelled',
            form: { alert_name: 'subscription_cancelled', event_time: '2026-01-02 03:04:05' },
            expected: { ignored: 'ignored_by_profile' },
          },
        ],
      },
    ],
    profile: {
      aliases: {
        eventType: ['alert_name'],
        clickId: ['passthrough.click_id'],
        revenue: ['gross_refund', 'sale_gross'],
        tax: ['payment_tax'],
        customerId: ['user_id'],
        occurredAt: ['event_time'],
      },
      eventTypeRules: [
        {
          when: { alert_name: 'subscription_payment_succeeded', initial_payment: '1' },
          eventType: 'subscription_started',
        },
      ],
      eventTypes: {
        payment_succeeded: 'sale',
        subscription_payment_succeeded: 'renewal',
        payment_refunded: 'refund',
        subscription_payment_refunded: 'refund',
        payment_dispute_created: 'chargeback',
      },
      ignoredEventTypes: [
        'subscription_created',
        'subscription_updated',
        'subscription_cancelled',
        'subscription_payment_failed',
      ],
      timeFormats: ['ymd_hms'],
    },
  },
};
