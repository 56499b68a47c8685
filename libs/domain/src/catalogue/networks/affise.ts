/** Affise: statuses as numbers; there is no macro of its click id, so ours travels in sub1 to sub8. */
import { CLICK_ID, type Network } from '../network.ts';

export const affise: Network = {
  key: 'affise',
  name: 'Affise',
  kind: 'affiliate_platform',
  source: 'https://help-center.affise.com/en/articles/6655842-affiliate-postback-macros-affiliates',
  confirmed: true,
  notes: [
    'The outbound parameters are from a summary of its help.',
    "Add &event_type={goal} once the goals are mapped in eventTypes: they are the network's own words or numbers.",
    'Status 5 is a conversion that is approved and put on hold: pending with us.',
  ],
  inbound: {
    clickIdParameter: 'sub1=',
    calls: [
      {
        reports: 'a conversion, and each change of its status',
        method: 'GET',
        parameters:
          'click_id={sub1}&transaction_id={transactionid}&status={status}&revenue={sum}&currency={currency}&product_id={offerid}&occurred_at={timestamp}',
        examples: [
          {
            title: 'an approved conversion',
            macros: {
              '{sub1}': CLICK_ID,
              '{transactionid}': 'order-42',
              '{status}': '1',
              '{sum}': '3.75',
              '{currency}': 'USD',
              '{offerid}': '12',
              '{timestamp}': '1767323045',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'order-42',
              revenueMicros: 3_750_000n,
              currency: 'USD',
              productId: '12',
              occurredAt: Date.UTC(2026, 0, 2, 3, 4, 5),
            },
          },
          {
            title: 'a declined conversion',
            macros: {
              '{sub1}': CLICK_ID,
              '{transactionid}': 'order-43',
              '{status}': '3',
              '{sum}': '3.75',
              '{currency}': 'USD',
              '{offerid}': '12',
              '{timestamp}': '1767323045',
            },
            expected: {
              eventType: 'lead',
              status: 'rejected',
              clickId: CLICK_ID,
              transactionId: 'order-43',
              revenueMicros: 3_750_000n,
              currency: 'USD',
              productId: '12',
              occurredAt: Date.UTC(2026, 0, 2, 3, 4, 5),
            },
          },
        ],
      },
    ],
    profile: {
      defaultEventType: 'lead',
      statuses: { '1': 'approved', '2': 'pending', '3': 'rejected', '5': 'pending' },
      timeFormats: ['unix_seconds'],
    },
  },
  outbound: {
    urlTemplate:
      'https://DOMAIN/postback?clickid={partner_click_id}&action_id={conversion_id}&sum={revenue}&goal=GOAL&status={status}',
    fillIn: { DOMAIN: "the network's tracking domain", GOAL: 'number or name of the goal' },
    statuses: { pending: '2', held: '5', payable: '1', rejected: '3', reversed: '3' },
    clickUrlParameter: 'partner_click_id={clickid}',
    rendered:
      'https://DOMAIN/postback?clickid=p-click-9&action_id=0b7c9a51-2f4e-8d63-9c1a-7e5d3b2f1a90&sum=12.34&goal=GOAL&status=1',
  },
};
