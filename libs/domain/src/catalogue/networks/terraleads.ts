/** TerraLeads: seven words for the status of an order; wants to read OK. */
import { CLICK_ID, type Network } from '../network.ts';

export const terraleads: Network = {
  key: 'terraleads',
  name: 'TerraLeads',
  kind: 'affiliate_network',
  source: 'https://docs.bemob.com/en/terraleads-settings',
  confirmed: true,
  notes: [
    '{lead_id}, {offer_id}, the words of {status} and the answer OK are from a community list, which also knows sub_id=.',
    'The currency is that of the account: set defaultCurrency.',
  ],
  inbound: {
    clickIdParameter: 'sub_id_1=',
    calls: [
      {
        reports: 'a conversion, and each change of its status',
        method: 'GET',
        parameters:
          'click_id={sub_id_1}&transaction_id={lead_id}&status={status}&revenue={payment}&product_id={offer_id}',
        examples: [
          {
            title: 'a new order',
            macros: {
              '{sub_id_1}': CLICK_ID,
              '{lead_id}': '700',
              '{status}': 'expect',
              '{payment}': '18',
              '{offer_id}': '33',
            },
            expected: {
              eventType: 'sale',
              status: 'pending',
              clickId: CLICK_ID,
              transactionId: '700',
              revenueMicros: 18_000_000n,
              productId: '33',
              currency: 'USD',
            },
          },
          {
            title: 'a confirmed order',
            macros: {
              '{sub_id_1}': CLICK_ID,
              '{lead_id}': '700',
              '{status}': 'confirm',
              '{payment}': '18',
              '{offer_id}': '33',
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: '700',
              revenueMicros: 18_000_000n,
              productId: '33',
              currency: 'USD',
            },
          },
          {
            title: 'a refused order',
            macros: {
              '{sub_id_1}': CLICK_ID,
              '{lead_id}': '700',
              '{status}': 'fail',
              '{payment}': '0',
              '{offer_id}': '33',
            },
            expected: {
              eventType: 'sale',
              status: 'rejected',
              clickId: CLICK_ID,
              transactionId: '700',
              revenueMicros: 0n,
              productId: '33',
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: {
      defaultEventType: 'sale',
      statuses: {
        accept: 'pending',
        expect: 'pending',
        confirm: 'approved',
        reject: 'rejected',
        fail: 'rejected',
        trash: 'rejected',
        error: 'rejected',
      },
      defaultCurrency: 'USD',
    },
    successBody: 'OK',
  },
};
