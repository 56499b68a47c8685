/** M4trix: sweepstakes, with an order id per conversion. */
import { CLICK_ID, type Network } from '../network.ts';

export const m4trix: Network = {
  key: 'm4trix',
  name: 'M4trix',
  kind: 'affiliate_network',
  source: 'https://kintura.com/docs/presets/pairings/taboola/m4trix',
  confirmed: true,
  notes: ['The page is that of a tracker; the currency is not documented there: set defaultCurrency.'],
  inbound: {
    clickIdParameter: 'cid=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters: 'click_id={cid}&transaction_id={orderid}&revenue={payout}',
        examples: [
          {
            title: 'a conversion',
            macros: {
              '{cid}': CLICK_ID,
              '{orderid}': 'm-1',
              '{payout}': '1.8',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'm-1',
              revenueMicros: 1_800_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead', defaultCurrency: 'USD' },
  },
};
