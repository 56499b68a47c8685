/** impact.com: every step of an action's life is posted again, a reversal as a status; macros are case-sensitive. */
import { CLICK_ID, type Network } from '../network.ts';

export const impact: Network = {
  key: 'impact',
  name: 'impact.com',
  kind: 'affiliate_platform',
  source:
    'https://help.impact.com/en/support/solutions/articles/155000000882-enable-action-clearing-events-notifications',
  confirmed: true,
  notes: [
    'Settings → Event Notifications → Action Lifecycle Events. {SubId1} is case-sensitive; it was read at mrpostback.com/impact.',
    'An action comes again when it is approved or reversed: a later call is a change of the same fact.',
    'Conversions are reported to impact.com with a body, which a partner postback has not: no outbound template.',
  ],
  inbound: {
    clickIdParameter: 'subId1=',
    calls: [
      {
        reports: 'an action, and each change of it',
        method: 'GET',
        parameters:
          'click_id={SubId1}&transaction_id={ActionId}&status={Status}&revenue={Payout}&currency={Currency}&product_id={CampaignId}',
        examples: [
          {
            title: 'an action that waits for approval',
            macros: {
              '{SubId1}': CLICK_ID,
              '{ActionId}': '1234.5678.901234',
              '{Status}': 'PENDING',
              '{Payout}': '7.20',
              '{Currency}': 'GBP',
              '{CampaignId}': '9876',
            },
            expected: {
              eventType: 'sale',
              status: 'pending',
              clickId: CLICK_ID,
              transactionId: '1234.5678.901234',
              revenueMicros: 7_200_000n,
              currency: 'GBP',
              productId: '9876',
            },
          },
          {
            title: 'the same action, reversed',
            macros: {
              '{SubId1}': CLICK_ID,
              '{ActionId}': '1234.5678.901234',
              '{Status}': 'REVERSED',
              '{Payout}': '0.00',
              '{Currency}': 'GBP',
              '{CampaignId}': '9876',
            },
            expected: {
              eventType: 'sale',
              status: 'rejected',
              clickId: CLICK_ID,
              transactionId: '1234.5678.901234',
              revenueMicros: 0n,
              currency: 'GBP',
              productId: '9876',
            },
          },
        ],
      },
    ],
    profile: {
      defaultEventType: 'sale',
      statuses: { PENDING: 'pending', APPROVED: 'approved', REVERSED: 'rejected' },
    },
  },
};
