/** AdCombo: cash on delivery; one URL for holds, one for confirmed orders, one for rejects. */
import { CLICK_ID, type Network } from '../network.ts';

export const adcombo: Network = {
  key: 'adcombo',
  name: 'AdCombo',
  kind: 'affiliate_network',
  source:
    'https://docs.keitaro.io/en/conversions-and-postback/integration-with-affiliate-networks/adcombo.html',
  confirmed: true,
  notes: [
    'The currency is that of the account: set defaultCurrency.',
    'The same order comes to several URLs: a later call is a change of the same fact.',
  ],
  inbound: {
    clickIdParameter: 'clickid=',
    calls: [
      {
        reports: 'an order in the call centre: the postback URL for holds',
        method: 'GET',
        parameters: 'click_id={clickid}&transaction_id={trans_id}&revenue={revenue}&status=pending',
        examples: [
          {
            title: 'an order in the call centre',
            macros: {
              '{clickid}': CLICK_ID,
              '{trans_id}': '55',
              '{revenue}': '21.0',
            },
            expected: {
              eventType: 'sale',
              status: 'pending',
              clickId: CLICK_ID,
              transactionId: '55',
              revenueMicros: 21_000_000n,
              currency: 'USD',
            },
          },
        ],
      },
      {
        reports: 'a confirmed order: the postback URL for leads',
        method: 'GET',
        parameters: 'click_id={clickid}&transaction_id={trans_id}&revenue={revenue}&status=approved',
        examples: [
          {
            title: 'a confirmed order',
            macros: {
              '{clickid}': CLICK_ID,
              '{trans_id}': '55',
              '{revenue}': '21.0',
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: '55',
              revenueMicros: 21_000_000n,
              currency: 'USD',
            },
          },
        ],
      },
      {
        reports: 'a cancelled order or trash: the postback URL for rejects',
        method: 'GET',
        parameters: 'click_id={clickid}&transaction_id={trans_id}&revenue={revenue}&status=rejected',
        examples: [
          {
            title: 'a cancelled order',
            macros: {
              '{clickid}': CLICK_ID,
              '{trans_id}': '55',
              '{revenue}': '0',
            },
            expected: {
              eventType: 'sale',
              status: 'rejected',
              clickId: CLICK_ID,
              transactionId: '55',
              revenueMicros: 0n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'sale', defaultCurrency: 'USD' },
  },
};
