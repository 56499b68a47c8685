/** CPAlead: content lockers and offers, one lead id each. */
import { CLICK_ID, COMMUNITY, type Network } from '../network.ts';

export const cpalead: Network = {
  key: 'cpalead',
  name: 'CPAlead',
  kind: 'affiliate_network',
  source: COMMUNITY,
  confirmed: false,
  inbound: {
    clickIdParameter: 'subid=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters: 'click_id={subid}&transaction_id={lead_id}&revenue={payout}',
        examples: [
          {
            title: 'a lead',
            macros: {
              '{subid}': CLICK_ID,
              '{lead_id}': 'L-88',
              '{payout}': '0.35',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'L-88',
              revenueMicros: 350_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { constants: { eventType: 'lead', currency: 'USD' } },
  },
};
