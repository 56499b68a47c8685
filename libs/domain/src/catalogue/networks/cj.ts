/** CJ: the community posts by a template with functions for macros; conversions are reported by a beacon. */
import { CLICK_ID, COMMUNITY, type Network } from '../network.ts';

export const cj: Network = {
  key: 'cj',
  name: 'CJ',
  kind: 'affiliate_network',
  source: COMMUNITY,
  confirmed: false,
  notes: [
    'CJ appends cjevent= to the link itself: something before our click URL has to hand it over as partner_click_id.',
    'No page of a real-time postback of CJ to publishers was found.',
    'The outbound beacon is that of a public server tag (stape-io).',
  ],
  inbound: {
    clickIdParameter: 'SID=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters: 'click_id={url(sid)}&transaction_id={url(oid)}&revenue={commission}',
        examples: [
          {
            title: 'a sale',
            macros: {
              '{url(sid)}': CLICK_ID,
              '{url(oid)}': 'ORD-5',
              '{commission}': '6.00',
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'ORD-5',
              revenueMicros: 6_000_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'sale', defaultCurrency: 'USD' },
  },
  outbound: {
    urlTemplate:
      'https://www.emjcd.com/u?CID=ENTERPRISE_ID&TYPE=ACTION_ID&METHOD=S2S&CJEVENT={partner_click_id}&EVENTTIME={occurred_at}&OID={transaction_id}&CURRENCY={currency}&AMOUNT={revenue|decimals:2}',
    fillIn: { ENTERPRISE_ID: 'enterprise id of the advertiser', ACTION_ID: 'id of the action tracker' },
    clickUrlParameter: null,
    rendered:
      'https://www.emjcd.com/u?CID=ENTERPRISE_ID&TYPE=ACTION_ID&METHOD=S2S&CJEVENT=p-click-9&EVENTTIME=2026-01-02T02%3A04%3A05.678Z&OID=order-42&CURRENCY=USD&AMOUNT=12.34',
  },
};
