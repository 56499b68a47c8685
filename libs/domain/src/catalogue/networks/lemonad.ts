/** Lemonad: the words of the status are chosen in its own panel. */
import { CLICK_ID, type Network } from '../network.ts';

export const lemonad: Network = {
  key: 'lemonad',
  name: 'Lemonad',
  kind: 'affiliate_network',
  source: 'https://docs.limonad.com/doc/en-postback',
  confirmed: true,
  notes: ['In its panel name the statuses pending, approved and rejected.'],
  inbound: {
    clickIdParameter: 'clickid=',
    calls: [
      {
        reports: 'a conversion, and each change of its status',
        method: 'GET',
        parameters: 'click_id={clickid}&transaction_id={leadid}&status={status}&revenue={payout}',
        examples: [
          {
            title: 'a paid lead',
            macros: {
              '{clickid}': CLICK_ID,
              '{leadid}': '42017',
              '{status}': 'approved',
              '{payout}': '7.5',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: '42017',
              revenueMicros: 7_500_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead', defaultCurrency: 'USD' },
  },
};
