/** Scaleo: the affiliate's click id has a parameter of its own. */
import { CLICK_ID, COMMUNITY, type Network } from '../network.ts';

export const scaleo: Network = {
  key: 'scaleo',
  name: 'Scaleo',
  kind: 'affiliate_platform',
  source: COMMUNITY,
  confirmed: false,
  notes: ['{conversion_id} is from memory.'],
  inbound: {
    clickIdParameter: 'aff_click_id=',
    calls: [
      {
        reports: 'a conversion, and each change of its status',
        method: 'GET',
        parameters:
          'click_id={aff_click_id}&transaction_id={conversion_id}&status={conv_status}&revenue={payout}&currency={currency}',
        examples: [
          {
            title: 'a conversion that turned out to be trash',
            macros: {
              '{aff_click_id}': CLICK_ID,
              '{conversion_id}': '5501',
              '{conv_status}': 'trash',
              '{payout}': '20',
              '{currency}': 'EUR',
            },
            expected: {
              eventType: 'lead',
              status: 'rejected',
              clickId: CLICK_ID,
              transactionId: '5501',
              revenueMicros: 20_000_000n,
              currency: 'EUR',
            },
          },
        ],
      },
    ],
    profile: {
      defaultEventType: 'lead',
      statuses: { pending: 'pending', approved: 'approved', rejected: 'rejected', trash: 'rejected' },
    },
  },
};
