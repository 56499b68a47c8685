/** Traffic Company: mobile content; the payout is called reward. */
import { CLICK_ID, type Network } from '../network.ts';

export const trafficCompany: Network = {
  key: 'traffic-company',
  name: 'Traffic Company',
  kind: 'affiliate_network',
  source: 'https://kintura.com/docs/presets/pairings/advertizer/trafficcompany',
  confirmed: true,
  notes: ['The page is that of a tracker; the currency is from memory.'],
  inbound: {
    clickIdParameter: 'click_id=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters: 'click_id={click_id}&transaction_id={unique_id}&revenue={reward}',
        examples: [
          {
            title: 'a conversion',
            macros: {
              '{click_id}': CLICK_ID,
              '{unique_id}': 'u-1',
              '{reward}': '0.7',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'u-1',
              revenueMicros: 700_000n,
              currency: 'EUR',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead', defaultCurrency: 'EUR' },
  },
};
