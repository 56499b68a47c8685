/** Stripe: checkout, subscription invoices and refunds as events; amounts in the minor unit, times in seconds. */
import { CLICK_ID, type Network } from '../network.ts';

export const stripe: Network = {
  key: 'stripe',
  name: 'Stripe',
  kind: 'payment_platform',
  source: 'https://docs.stripe.com/api/events/types',
  confirmed: true,
  notes: [
    'Choose checkout.session.completed, invoice.paid, charge.refunded and charge.dispute.created; others are refused.',
    'Our click id is client_reference_id of the checkout, or click_id in metadata.',
    'amount_refunded of a charge is the sum of its refunds so far.',
    'The fields were read in recorded events of checkout and refund; those of invoice and dispute are from memory.',
  ],
  inbound: {
    clickIdParameter: 'client_reference_id=',
    calls: [
      {
        reports: 'an event of the account',
        method: 'POST',
        parameters: '',
        examples: [
          {
            title: 'a completed checkout',
            json: {
              id: 'evt_1RgRPrEEXQJo9EEOWggvNEHe',
              object: 'event',
              created: 1751465619,
              type: 'checkout.session.completed',
              livemode: true,
              data: {
                object: {
                  id: 'cs_live_a1RMSyzQu5Mk2cZYoAYLOCV9hf',
                  object: 'checkout.session',
                  amount_total: 400,
                  currency: 'usd',
                  client_reference_id: CLICK_ID,
                  customer: 'cus_SbGYl34MpG4nv5',
                  metadata: {},
                  payment_intent: 'pi_3RgRPqEEXQJo9EEO1a43uB5g',
                },
              },
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'pi_3RgRPqEEXQJo9EEO1a43uB5g',
              revenueMicros: 4_000_000n,
              currency: 'USD',
              customerId: 'cus_SbGYl34MpG4nv5',
              occurredAt: Date.UTC(2025, 6, 2, 14, 13, 39),
            },
          },
          {
            title: 'a refund of it',
            json: {
              id: 'evt_1RgRPrEEXQJo9EEOWggvNEHf',
              object: 'event',
              created: 1751469219,
              type: 'charge.refunded',
              data: {
                object: {
                  id: 'ch_3RgRPqEEXQJo9EEO1a43uB5g',
                  object: 'charge',
                  amount: 400,
                  amount_refunded: 150,
                  currency: 'usd',
                  customer: 'cus_SbGYl34MpG4nv5',
                  metadata: {},
                  payment_intent: 'pi_3RgRPqEEXQJo9EEO1a43uB5g',
                },
              },
            },
            expected: {
              eventType: 'refund',
              status: 'approved',
              transactionId: 'pi_3RgRPqEEXQJo9EEO1a43uB5g',
              revenueMicros: 1_500_000n,
              currency: 'USD',
              customerId: 'cus_SbGYl34MpG4nv5',
              occurredAt: Date.UTC(2025, 6, 2, 15, 13, 39),
            },
          },
          {
            title: 'the second month of a subscription',
            json: {
              id: 'evt_2',
              object: 'event',
              created: 1751469219,
              type: 'invoice.paid',
              data: {
                object: {
                  id: 'in_1',
                  object: 'invoice',
                  amount_paid: 1000,
                  billing_reason: 'subscription_cycle',
                  currency: 'jpy',
                  customer: 'cus_9',
                },
              },
            },
            expected: {
              eventType: 'renewal',
              status: 'approved',
              transactionId: 'in_1',
              revenueMicros: 1_000_000_000n,
              currency: 'JPY',
              customerId: 'cus_9',
              occurredAt: Date.UTC(2025, 6, 2, 15, 13, 39),
            },
          },
        ],
      },
    ],
    profile: {
      aliases: {
        eventType: ['type'],
        clickId: ['data.object.client_reference_id', 'data.object.metadata.click_id'],
        transactionId: ['data.object.payment_intent', 'data.object.id'],
        revenue: [
          'data.object.amount_refunded',
          'data.object.amount_total',
          'data.object.amount_paid',
          'data.object.amount',
        ],
        currency: ['data.object.currency'],
        customerId: ['data.object.customer'],
        occurredAt: ['created'],
      },
      eventTypeRules: [
        {
          when: { type: 'invoice.paid', 'data.object.billing_reason': 'subscription_cycle' },
          eventType: 'renewal',
        },
        {
          when: { type: 'invoice.paid', 'data.object.billing_reason': 'subscription_create' },
          eventType: 'subscription_started',
        },
      ],
      eventTypes: {
        'checkout.session.completed': 'sale',
        'charge.refunded': 'refund',
        'charge.dispute.created': 'chargeback',
      },
      amountUnit: 'cents',
      timeFormats: ['unix_seconds'],
    },
  },
};
