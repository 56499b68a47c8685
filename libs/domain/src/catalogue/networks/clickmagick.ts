/** ClickMagick: webhooks of campaigns with tokens in brackets. */
import { CLICK_ID, type Network } from '../network.ts';

export const clickmagick: Network = {
  key: 'clickmagick',
  name: 'ClickMagick',
  kind: 'tracker',
  source: 'https://clickmagick.com/kb/kb.cgi?answer=217',
  confirmed: true,
  notes: [
    'Amounts come without a currency: set defaultCurrency.',
    'Its other tokens hold names and addresses: leave them out.',
  ],
  inbound: {
    clickIdParameter: 'cmc_tid=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters: 'click_id=[cmc_tid]&revenue=[cmc_amt]&customer_id=[cmc_vid]',
        examples: [
          {
            title: 'a sale',
            macros: {
              '[cmc_tid]': CLICK_ID,
              '[cmc_amt]': '49.00',
              '[cmc_vid]': 'v-123',
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              revenueMicros: 49_000_000n,
              customerId: 'v-123',
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'sale', defaultCurrency: 'USD' },
  },
};
