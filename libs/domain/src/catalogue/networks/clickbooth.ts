/** Clickbooth: sub-ids by number, the click id in the second. */
import { CLICK_ID, type Network } from '../network.ts';

export const clickbooth: Network = {
  key: 'clickbooth',
  name: 'Clickbooth',
  kind: 'affiliate_network',
  source: 'https://kintura.com/docs/presets/pairings/traffic-force/clickbooth',
  confirmed: true,
  notes: ['The page is that of a tracker; the currency is not documented there: set defaultCurrency.'],
  inbound: {
    clickIdParameter: 'subid2=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters: 'click_id={subid2}&transaction_id={transid}&revenue={payout}',
        examples: [
          {
            title: 'a conversion',
            macros: {
              '{subid2}': CLICK_ID,
              '{transid}': 'cb-1',
              '{payout}': '24',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'cb-1',
              revenueMicros: 24_000_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead', defaultCurrency: 'USD' },
  },
};
