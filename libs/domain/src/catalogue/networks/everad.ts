/** Everad: nutra offers, sid1 to sid5 come back as they were sent. */
import { CLICK_ID, type Network } from '../network.ts';

export const everad: Network = {
  key: 'everad',
  name: 'Everad',
  kind: 'affiliate_network',
  source: 'https://docs.bemob.com/en/everad-settings',
  confirmed: true,
  notes: [
    '{currency} and the words of {status} are from a community list.',
    'No id of the order is sent: two orders of one click are told apart only by eventTypes.',
  ],
  inbound: {
    clickIdParameter: 'sid1=',
    calls: [
      {
        reports: 'a conversion, and each change of its status',
        method: 'GET',
        parameters: 'click_id={sid1}&status={status}&revenue={payout}&currency={currency}',
        examples: [
          {
            title: 'an approved order',
            macros: {
              '{sid1}': CLICK_ID,
              '{status}': 'approved',
              '{payout}': '14',
              '{currency}': 'USD',
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              revenueMicros: 14_000_000n,
              currency: 'USD',
            },
          },
          {
            title: 'trash',
            macros: {
              '{sid1}': CLICK_ID,
              '{status}': 'trash',
              '{payout}': '0',
              '{currency}': 'USD',
            },
            expected: {
              eventType: 'sale',
              status: 'rejected',
              clickId: CLICK_ID,
              revenueMicros: 0n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: {
      defaultEventType: 'sale',
      statuses: { pending: 'pending', approved: 'approved', rejected: 'rejected', trash: 'rejected' },
    },
  },
};
