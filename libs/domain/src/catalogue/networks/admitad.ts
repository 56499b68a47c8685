/** Admitad: macros in three brackets, each change of the payment status posted again. */
import { CLICK_ID, type Network } from '../network.ts';

export const admitad: Network = {
  key: 'admitad',
  name: 'Admitad',
  kind: 'affiliate_network',
  source: 'https://support.mitgo.com/hc/en-us/articles/360019365798',
  confirmed: false,
  notes: [
    'The page confirms GET and POST and event types; the macros are from a community list, admitad_id, currency and the status words from memory.',
  ],
  inbound: {
    clickIdParameter: 'subid=',
    calls: [
      {
        reports: 'a conversion, and each change of its status',
        method: 'GET',
        parameters:
          'click_id=[[[subid]]]&transaction_id=[[[admitad_id]]]&status=[[[payment_status]]]&revenue=[[[payment_sum]]]&currency=[[[currency]]]',
        examples: [
          {
            title: 'an action that waits',
            macros: {
              '[[[subid]]]': CLICK_ID,
              '[[[admitad_id]]]': '900100',
              '[[[payment_status]]]': 'pending',
              '[[[payment_sum]]]': '2.40',
              '[[[currency]]]': 'EUR',
            },
            expected: {
              eventType: 'sale',
              status: 'pending',
              clickId: CLICK_ID,
              transactionId: '900100',
              revenueMicros: 2_400_000n,
              currency: 'EUR',
            },
          },
          {
            title: 'the same action, declined',
            macros: {
              '[[[subid]]]': CLICK_ID,
              '[[[admitad_id]]]': '900100',
              '[[[payment_status]]]': 'declined',
              '[[[payment_sum]]]': '2.40',
              '[[[currency]]]': 'EUR',
            },
            expected: {
              eventType: 'sale',
              status: 'rejected',
              clickId: CLICK_ID,
              transactionId: '900100',
              revenueMicros: 2_400_000n,
              currency: 'EUR',
            },
          },
        ],
      },
    ],
    profile: {
      defaultEventType: 'sale',
      statuses: { pending: 'pending', approved: 'approved', declined: 'rejected' },
    },
  },
};
