/** Microjoblab: paid tasks, with the country of the user. */
import { CLICK_ID, type Network } from '../network.ts';

export const microjoblab: Network = {
  key: 'microjoblab',
  name: 'Microjoblab',
  kind: 'affiliate_network',
  source: 'https://www.microjoblab.com/affiliate/postback',
  confirmed: true,
  notes: ['The currency is not documented: set defaultCurrency.'],
  inbound: {
    clickIdParameter: 'sub_id=',
    calls: [
      {
        reports: 'a conversion, and each change of its status',
        method: 'GET',
        parameters:
          'click_id={sub_id}&transaction_id={transaction_id}&status={status}&revenue={payout}&product_id={offer_id}&country={country}',
        examples: [
          {
            title: 'the example of the page',
            macros: {
              '{sub_id}': CLICK_ID,
              '{transaction_id}': 'txn_xyz789',
              '{status}': 'approved',
              '{payout}': '2.50',
              '{offer_id}': 'offer_abc123',
              '{country}': 'US',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'txn_xyz789',
              revenueMicros: 2_500_000n,
              productId: 'offer_abc123',
              country: 'US',
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead', defaultCurrency: 'USD' },
  },
};
