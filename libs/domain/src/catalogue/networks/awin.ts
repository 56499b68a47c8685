/** Awin: transaction notifications by GET, with case-sensitive placeholders between exclamation marks. */
import { CLICK_ID, type Network } from '../network.ts';

export const awin: Network = {
  key: 'awin',
  name: 'Awin',
  kind: 'affiliate_network',
  source: 'https://developer.awin.com/docs/request-types',
  confirmed: true,
  notes: [
    'Awin appends awc= to the link itself: something before our click URL has to hand it over as partner_click_id.',
    '!!!transactionId!!! and !!!transactionCurrency!!! are from memory.',
    'A notification is sent when a transaction is recorded, before the advertiser has approved it: it counts as pending, and approvals have to be fetched from Awin.',
  ],
  inbound: {
    clickIdParameter: 'clickref=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters:
          'click_id=!!!clickRef!!!&transaction_id=!!!transactionId!!!&revenue=!!!commission!!!&currency=!!!transactionCurrency!!!&product_id=!!!merchantId!!!',
        examples: [
          {
            title: 'a transaction',
            macros: {
              '!!!clickRef!!!': CLICK_ID,
              '!!!transactionId!!!': '1234567',
              '!!!commission!!!': '1.64',
              '!!!transactionCurrency!!!': 'GBP',
              '!!!merchantId!!!': '3661',
            },
            expected: {
              eventType: 'sale',
              status: 'pending',
              clickId: CLICK_ID,
              transactionId: '1234567',
              revenueMicros: 1_640_000n,
              currency: 'GBP',
              productId: '3661',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'sale', defaultStatus: 'pending' },
  },
  outbound: {
    urlTemplate:
      'https://www.awin1.com/sread.php?tt=ss&tv=2&merchant=MERCHANT&amount={revenue|decimals:2}&ch=aw&vc=&cr={currency}&ref={transaction_id}&parts=GROUP:{revenue|decimals:2}&testmode=0&cks={partner_click_id}',
    fillIn: {
      MERCHANT: 'id of the advertiser programme',
      GROUP: 'code of the commission group, DEFAULT where there is one',
    },
    clickUrlParameter: null,
    rendered:
      'https://www.awin1.com/sread.php?tt=ss&tv=2&merchant=MERCHANT&amount=12.34&ch=aw&vc=&cr=USD&ref=order-42&parts=GROUP:12.34&testmode=0&cks=p-click-9',
  },
};
