/** Acorn Ads: an offer wall; its amount is in the currency of the game and no money. */
import { CLICK_ID, type Network } from '../network.ts';

export const acornads: Network = {
  key: 'acornads',
  name: 'Acorn Ads',
  kind: 'affiliate_network',
  source: 'https://pub.acornads.com/postback-documentation',
  confirmed: true,
  notes: ['{amount} is left out on purpose: it is virtual currency.'],
  inbound: {
    clickIdParameter: 's1=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters:
          'click_id={s1}&transaction_id={transaction_id}&product_id={offer_id}&customer_id={user_uid}',
        examples: [
          {
            title: 'a finished offer',
            macros: {
              '{s1}': CLICK_ID,
              '{transaction_id}': 'c-10',
              '{offer_id}': '88',
              '{user_uid}': 'user-7',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'c-10',
              productId: '88',
              customerId: 'user-7',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead' },
  },
};
