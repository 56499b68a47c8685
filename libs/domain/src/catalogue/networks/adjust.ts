/** Adjust: callbacks by GET with placeholders; times in seconds. */
import { CLICK_ID, type Network } from '../network.ts';

export const adjust: Network = {
  key: 'adjust',
  name: 'Adjust',
  kind: 'app_attribution',
  source: 'https://help.adjust.com/en/article/event-callbacks',
  confirmed: true,
  notes: [
    'Set the callback for each event and put our event type in the place of sale.',
    '{label}, {revenue_float}, {currency} and {random} are from memory; the other placeholders are on the page.',
    'A placeholder without data is left out of the call.',
  ],
  inbound: {
    clickIdParameter: 'label=',
    calls: [
      {
        reports: 'an event of the app',
        method: 'GET',
        parameters:
          'event_type=sale&click_id={label}&customer_id={adid}&revenue={revenue_float}&currency={currency}&occurred_at={created_at}',
        examples: [
          {
            title: 'an event with revenue',
            macros: {
              '{label}': CLICK_ID,
              '{adid}': '18546f6171f67e29d1cb983322ad1329',
              '{revenue_float}': '0.01',
              '{currency}': 'EUR',
              '{created_at}': '1404214665',
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              customerId: '18546f6171f67e29d1cb983322ad1329',
              revenueMicros: 10_000n,
              currency: 'EUR',
              occurredAt: Date.UTC(2014, 6, 1, 11, 37, 45),
            },
          },
        ],
      },
      {
        reports: 'an install',
        method: 'GET',
        parameters: 'event_type={activity_kind}&click_id={label}&customer_id={adid}&occurred_at={created_at}',
        examples: [
          {
            title: 'an install',
            macros: {
              '{activity_kind}': 'install',
              '{label}': CLICK_ID,
              '{adid}': '18546f6171f67e29d1cb983322ad1329',
              '{created_at}': '1404214665',
            },
            expected: {
              eventType: 'install',
              status: 'approved',
              clickId: CLICK_ID,
              customerId: '18546f6171f67e29d1cb983322ad1329',
              occurredAt: Date.UTC(2014, 6, 1, 11, 37, 45),
            },
          },
          {
            title: 'an install that Adjust has rejected',
            macros: {
              '{activity_kind}': 'rejected_install',
              '{label}': CLICK_ID,
              '{adid}': '18546f6171f67e29d1cb983322ad1329',
              '{created_at}': '1404214665',
            },
            expected: { ignored: 'ignored_by_profile' },
          },
        ],
      },
    ],
    profile: {
      eventTypes: { install: 'install', reattribution: 'install' },
      ignoredEventTypes: [
        'impression',
        'click',
        'session',
        'rejected_install',
        'rejected_reattribution',
        'uninstall',
        'reinstall',
        'reattribution_reinstall',
        'attribution_update',
        'cost_updated',
      ],
      timeFormats: ['unix_seconds'],
    },
  },
};
