/** Affise MMP: app events by name, with net and gross revenue. */
import { CLICK_ID, type Network } from '../network.ts';

export const affiseMmp: Network = {
  key: 'affise-mmp',
  name: 'Affise MMP',
  kind: 'app_attribution',
  source: 'https://help-center.affisemmp.com/en/articles/10697240-postback-macros',
  confirmed: true,
  notes: [
    'Revenue comes without a currency: set defaultCurrency to that of the app.',
    "Map the app's event names in eventTypes; install and purchase are ours for the example.",
    'pub_click_id= as the parameter of the tracking link is from memory, and {event_timestamp} is taken for seconds.',
  ],
  inbound: {
    clickIdParameter: 'pub_click_id=',
    calls: [
      {
        reports: 'an install or an event of the app',
        method: 'GET',
        parameters:
          'click_id={pub_click_id}&event_type={event_name}&revenue={sg_rev}&customer_id={random_user_id}&occurred_at={event_timestamp}',
        examples: [
          {
            title: 'a purchase in the app',
            macros: {
              '{pub_click_id}': CLICK_ID,
              '{event_name}': 'Purchase',
              '{sg_rev}': '4.99',
              '{random_user_id}': 'b1946ac92492d234',
              '{event_timestamp}': '1767323045',
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              revenueMicros: 4_990_000n,
              currency: 'USD',
              customerId: 'b1946ac92492d234',
              occurredAt: Date.UTC(2026, 0, 2, 3, 4, 5),
            },
          },
        ],
      },
    ],
    profile: {
      eventTypes: { install: 'install', purchase: 'sale' },
      defaultCurrency: 'USD',
      timeFormats: ['unix_seconds'],
    },
  },
};
