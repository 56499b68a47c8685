/** Rakuten Advertising: placeholders in angle brackets; the support has to switch the postback on. */
import { CLICK_ID, type Network } from '../network.ts';

export const rakuten: Network = {
  key: 'rakuten',
  name: 'Rakuten Advertising',
  kind: 'affiliate_network',
  source: 'https://pubhelp.rakutenadvertising.com',
  confirmed: false,
  notes: [
    'Only the form of a placeholder is confirmed; commissions, currency and etransaction_id are from memory.',
  ],
  inbound: {
    clickIdParameter: 'u1=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters:
          'click_id=<u1>&transaction_id=<etransaction_id>&revenue=<commissions>&currency=<currency>&product_id=<advertiser_id>',
        examples: [
          {
            title: 'a transaction',
            macros: {
              '<u1>': CLICK_ID,
              '<etransaction_id>': 'e-99',
              '<commissions>': '3.10',
              '<currency>': 'EUR',
              '<advertiser_id>': '38501',
            },
            expected: {
              eventType: 'sale',
              status: 'pending',
              clickId: CLICK_ID,
              transactionId: 'e-99',
              revenueMicros: 3_100_000n,
              currency: 'EUR',
              productId: '38501',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'sale', defaultStatus: 'pending' },
  },
};
