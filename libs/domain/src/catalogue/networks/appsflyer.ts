/** AppsFlyer: Push API v2, one JSON per install or event of the app. */
import { CLICK_ID, type Network } from '../network.ts';

export const appsflyer: Network = {
  key: 'appsflyer',
  name: 'AppsFlyer',
  kind: 'app_attribution',
  source: 'https://support.appsflyer.com/hc/en-us/articles/207034356',
  confirmed: false,
  notes: [
    'POST with JSON and the form of the times are confirmed; the names of the fields are those of its raw data, from memory.',
    'Times are in UTC when the fields in UTC are chosen in its panel. Map further event names in eventTypes.',
  ],
  inbound: {
    clickIdParameter: 'af_sub1=',
    calls: [
      {
        reports: 'an install or an event of the app',
        method: 'POST',
        parameters: '',
        examples: [
          {
            title: 'a purchase in the app',
            json: {
              event_name: 'af_purchase',
              event_time: '2026-01-02 03:04:05.678',
              event_revenue: '9.99',
              event_revenue_currency: 'EUR',
              appsflyer_id: '1767323045678-1234567890',
              customer_user_id: 'user-7',
              af_sub1: CLICK_ID,
              media_source: 'example_int',
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              revenueMicros: 9_990_000n,
              currency: 'EUR',
              customerId: 'user-7',
              occurredAt: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
            },
          },
          {
            title: 'an install',
            json: { event_name: 'install', event_time: '2026-01-02 03:00:00.000', af_sub1: CLICK_ID },
            expected: {
              eventType: 'install',
              status: 'approved',
              clickId: CLICK_ID,
              occurredAt: Date.UTC(2026, 0, 2, 3, 0, 0),
            },
          },
        ],
      },
    ],
    profile: {
      aliases: {
        eventType: ['event_name'],
        clickId: ['af_sub1'],
        revenue: ['event_revenue'],
        currency: ['event_revenue_currency'],
        customerId: ['customer_user_id'],
        occurredAt: ['event_time'],
      },
      eventTypes: {
        install: 'install',
        af_complete_registration: 'lead',
        af_start_trial: 'trial_start',
        af_subscribe: 'subscription_started',
        af_purchase: 'sale',
      },
    },
  },
};
