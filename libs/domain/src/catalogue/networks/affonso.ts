/** Affonso: one GET per event of the affiliate, named by the event. */
import type { Network } from '../network.ts';

export const affonso: Network = {
  key: 'affonso',
  name: 'Affonso',
  kind: 'affiliate_platform',
  source: 'https://affonso.io/help/for-affiliates/postback-urls',
  confirmed: true,
  notes: [
    'A sale comes as sale.created and again as commission.created: the commission counts, the rest is acknowledged.',
    '{status} is left out: the page shows only CONVERTED.',
    'No placeholder returns a click id: the tracking id of the link is kept as sub1, and the customer is matched.',
  ],
  inbound: {
    clickIdParameter: null,
    calls: [
      {
        reports: 'an event of the affiliate',
        method: 'GET',
        parameters:
          'sub1={tracking_id}&event_type={event_type}&transaction_id={transaction_id}&revenue={commission_amount}&currency={commission_currency}&customer_id={referral_id}&occurred_at={timestamp}',
        examples: [
          {
            title: 'the example of the page',
            macros: {
              '{tracking_id}': 'john',
              '{event_type}': 'commission.created',
              '{transaction_id}': 'txn_123',
              '{commission_amount}': '12.50',
              '{commission_currency}': 'USD',
              '{referral_id}': 'ref_abc123',
              '{timestamp}': '2026-03-05T10:30:45Z',
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              transactionId: 'txn_123',
              revenueMicros: 12_500_000n,
              currency: 'USD',
              customerId: 'ref_abc123',
              subIds: { sub1: 'john' },
              occurredAt: Date.UTC(2026, 2, 5, 10, 30, 45),
            },
          },
          {
            title: 'the sale before its commission',
            macros: {
              '{tracking_id}': 'john',
              '{event_type}': 'sale.created',
              '{transaction_id}': 'txn_123',
              '{commission_amount}': '',
              '{commission_currency}': '',
              '{referral_id}': 'ref_abc123',
              '{timestamp}': '2026-03-05T10:30:44Z',
            },
            expected: { ignored: 'ignored_by_profile' },
          },
        ],
      },
    ],
    profile: {
      eventTypes: { 'referral.lead': 'lead', 'commission.created': 'sale' },
      ignoredEventTypes: ['referral.converted', 'sale.created'],
    },
  },
};
