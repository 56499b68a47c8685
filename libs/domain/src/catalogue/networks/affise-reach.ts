/** Affise Reach: the marketplace beside Affise, with macros of its own. */
import { CLICK_ID, type Network } from '../network.ts';

export const affiseReach: Network = {
  key: 'affise-reach',
  name: 'Affise Reach',
  kind: 'affiliate_network',
  source: 'https://help-center.affisereach.com/en/articles/6127765-postback-macros',
  confirmed: true,
  notes: ['{status} is left out: the page does not tell its values.'],
  inbound: {
    clickIdParameter: 'pub_click_id=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters:
          'click_id={pub_click_id}&transaction_id={conversion_id}&revenue={sum}&currency={currency}&product_id={campaign_id}&occurred_at={conversion_time}',
        examples: [
          {
            title: 'a conversion',
            macros: {
              '{pub_click_id}': CLICK_ID,
              '{conversion_id}': '60f7c2',
              '{sum}': '0.85',
              '{currency}': 'USD',
              '{campaign_id}': '81',
              '{conversion_time}': '1767323045',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: '60f7c2',
              revenueMicros: 850_000n,
              currency: 'USD',
              productId: '81',
              occurredAt: Date.UTC(2026, 0, 2, 3, 4, 5),
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead', timeFormats: ['unix_seconds'] },
  },
};
