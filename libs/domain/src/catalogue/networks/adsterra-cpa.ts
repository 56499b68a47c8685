/** Adsterra's CPA network: macros between double hash signs. */
import { CLICK_ID, type Network } from '../network.ts';

export const adsterraCpa: Network = {
  key: 'adsterra-cpa',
  name: 'Adsterra CPA',
  kind: 'affiliate_network',
  source: 'https://docs.bemob.com/en/adsterra-settings',
  confirmed: true,
  notes: ['click_id= as the parameter of the direct link is from memory: its panel adds it.'],
  inbound: {
    clickIdParameter: 'click_id=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters: 'click_id=##S2S##&revenue=##PAYOUT##',
        examples: [
          {
            title: 'a conversion',
            macros: {
              '##S2S##': CLICK_ID,
              '##PAYOUT##': '1.9',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              revenueMicros: 1_900_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead', defaultCurrency: 'USD' },
  },
};
