/** Kuala: the payout as a decimal number, and an id that allows several conversions of one click. */
import { CLICK_ID, type Network } from '../network.ts';

export const kuala: Network = {
  key: 'kuala',
  name: 'Kuala',
  kind: 'affiliate_network',
  source: 'https://www.kuala.com/support/affiliate-postback-tracking',
  confirmed: true,
  notes: ['The currency is not documented: set defaultCurrency. {tid} is the id of its own click.'],
  inbound: {
    clickIdParameter: 'subid1=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters: 'click_id={subid1}&transaction_id={xid}&revenue={payout}&product_id={offer}',
        examples: [
          {
            title: 'a conversion',
            macros: {
              '{subid1}': CLICK_ID,
              '{xid}': 'x-1',
              '{payout}': '0.99',
              '{offer}': '9',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'x-1',
              revenueMicros: 990_000n,
              productId: '9',
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead', defaultCurrency: 'USD' },
  },
};
