/** Indoleads: times in the zone UTC+8, without saying so. */
import { CLICK_ID, type Network } from '../network.ts';

export const indoleads: Network = {
  key: 'indoleads',
  name: 'Indoleads',
  kind: 'affiliate_network',
  source: 'https://indoleads.atlassian.net/wiki/spaces/PUB/pages/109182977/Postback',
  confirmed: true,
  notes: ['One postback is sent per conversion; {status} is left out, since its words were not read.'],
  inbound: {
    clickIdParameter: 'p1=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters:
          'click_id={p1}&transaction_id={conversion_id}&revenue={payout}&currency={currency}&product_id={offer_id}&occurred_at={conversion_datetime}',
        examples: [
          {
            title: 'a conversion',
            macros: {
              '{p1}': CLICK_ID,
              '{conversion_id}': '8812',
              '{payout}': '1.1',
              '{currency}': 'USD',
              '{offer_id}': '560',
              '{conversion_datetime}': '2026-01-02 11:04:05',
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: '8812',
              revenueMicros: 1_100_000n,
              currency: 'USD',
              productId: '560',
              occurredAt: Date.UTC(2026, 0, 2, 3, 4, 5),
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'sale', timeFormats: ['ymd_hms'], timeZone: 'Asia/Singapore' },
  },
};
