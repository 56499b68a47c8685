/** CAKE: tokens between hash signs; s1 is for sub-affiliates, click ids travel in s2 to s5. */
import { CLICK_ID, type Network } from '../network.ts';

export const cake: Network = {
  key: 'cake',
  name: 'CAKE',
  kind: 'affiliate_platform',
  source: 'https://support.getcake.com/en/support/solutions/articles/5000546096',
  confirmed: true,
  notes: [
    'CAKE sends no currency: set defaultCurrency to the currency of the network.',
    'p= of the outbound call is from memory.',
  ],
  inbound: {
    clickIdParameter: 's2=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters:
          'click_id=#s2#&transaction_id=#leadid#&revenue=#price#&product_id=#oid#&occurred_at=#utcunixtime#',
        examples: [
          {
            title: 'a conversion',
            macros: {
              '#s2#': CLICK_ID,
              '#leadid#': 'A1B2C3D4',
              '#price#': '1.50',
              '#oid#': '204',
              '#utcunixtime#': '1767323045',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'A1B2C3D4',
              revenueMicros: 1_500_000n,
              currency: 'USD',
              productId: '204',
              occurredAt: Date.UTC(2026, 0, 2, 3, 4, 5),
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead', defaultCurrency: 'USD', timeFormats: ['unix_seconds'] },
  },
  outbound: {
    urlTemplate: 'https://DOMAIN/p.ashx?o=OFFER&e=EVENT&r={partner_click_id}&t={transaction_id}&p={revenue}',
    fillIn: {
      DOMAIN: "the network's CAKE domain",
      OFFER: 'id of the offer; leave the parameter out for a global postback',
      EVENT: 'id of the event',
    },
    clickUrlParameter: 'partner_click_id=#reqid#',
    rendered: 'https://DOMAIN/p.ashx?o=OFFER&e=EVENT&r=p-click-9&t=order-42&p=12.34',
  },
};
