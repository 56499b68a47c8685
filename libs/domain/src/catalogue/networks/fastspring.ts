/** FastSpring: one call with a list of events, each read as one conversion. */
import { CLICK_ID, type Network } from '../network.ts';

export const fastspring: Network = {
  key: 'fastspring',
  name: 'FastSpring',
  kind: 'payment_platform',
  source: 'https://developer.fastspring.com/reference/ordercompleted',
  confirmed: true,
  notes: [
    'The shop sets the order tag click_id. Choose order.completed, subscription.charge.completed and return.created.',
    'The order and the list of events are confirmed; the fields of return.created are from memory.',
  ],
  inbound: {
    clickIdParameter: null,
    calls: [
      {
        reports: 'events',
        method: 'POST',
        parameters: '',
        examples: [
          {
            title: 'a completed order, with the values of the page',
            json: {
              events: [
                {
                  id: 'h1-9',
                  type: 'order.completed',
                  live: true,
                  processed: false,
                  data: {
                    order: 'aBCDE12fGH3iJkL4mNOpq',
                    id: 'aBCDE12fGH3iJkL4mNOpq',
                    reference: 'ABC123456-7891-01112',
                    completed: true,
                    changed: 1751898991060,
                    currency: 'USD',
                    total: 27.54,
                    tax: 2.04,
                    tags: { click_id: CLICK_ID },
                  },
                },
              ],
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'aBCDE12fGH3iJkL4mNOpq',
              revenueMicros: 27_540_000n,
              taxMicros: 2_040_000n,
              currency: 'USD',
              occurredAt: Date.UTC(2025, 6, 7, 14, 36, 31, 60),
            },
          },
        ],
      },
    ],
    profile: {
      rowsAt: 'events',
      aliases: {
        eventType: ['type'],
        clickId: ['data.tags.click_id', 'data.order.tags.click_id'],
        transactionId: ['data.original.id', 'data.order.id', 'data.id'],
        reversalId: ['data.return'],
        revenue: ['data.totalReturn', 'data.total'],
        tax: ['data.tax'],
        currency: ['data.currency'],
        occurredAt: ['data.changed'],
      },
      eventTypes: {
        'order.completed': 'sale',
        'subscription.charge.completed': 'renewal',
        'return.created': 'refund',
      },
      ignoredEventTypes: [
        'order.canceled',
        'order.failed',
        'subscription.activated',
        'subscription.canceled',
        'subscription.deactivated',
      ],
      timeFormats: ['unix_milliseconds'],
    },
  },
};
