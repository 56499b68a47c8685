/** Branch: webhooks with the event outside, its money and its link data nested. */
import { CLICK_ID, type Network } from '../network.ts';

export const branch: Network = {
  key: 'branch',
  name: 'Branch',
  kind: 'app_attribution',
  source: 'https://help.branch.io/developers-hub/docs/webhooks-for-developers',
  confirmed: true,
  notes: [
    'The nesting is confirmed; the spelling of the members and that timestamp is in milliseconds are from memory.',
    'Our click id is link data of our own: a parameter of the link comes back under its name.',
  ],
  inbound: {
    clickIdParameter: 'click_id=',
    calls: [
      {
        reports: 'an install or an event of the app',
        method: 'POST',
        parameters: '',
        examples: [
          {
            title: 'a purchase in the app',
            json: {
              name: 'PURCHASE',
              id: 7001,
              timestamp: 1767323045678,
              event_data: { revenue: 4.2, currency: 'USD', transaction_id: 'order-42', tax: 0.2 },
              user_data: { developer_identity: 'user-7', os: 'IOS' },
              last_attributed_touch_data: { '~campaign': 'summer', click_id: CLICK_ID },
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'order-42',
              revenueMicros: 4_200_000n,
              taxMicros: 200_000n,
              currency: 'USD',
              customerId: 'user-7',
              occurredAt: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
            },
          },
          {
            title: 'the app is opened',
            json: {
              name: 'OPEN',
              timestamp: 1767323045678,
              last_attributed_touch_data: { click_id: CLICK_ID },
            },
            expected: { ignored: 'ignored_by_profile' },
          },
        ],
      },
    ],
    profile: {
      aliases: {
        eventType: ['name'],
        clickId: ['last_attributed_touch_data.click_id'],
        transactionId: ['event_data.transaction_id'],
        revenue: ['event_data.revenue'],
        currency: ['event_data.currency'],
        tax: ['event_data.tax'],
        shipping: ['event_data.shipping'],
        couponCode: ['event_data.coupon'],
        customerId: ['user_data.developer_identity'],
      },
      eventTypes: {
        INSTALL: 'install',
        COMPLETE_REGISTRATION: 'lead',
        START_TRIAL: 'trial_start',
        SUBSCRIBE: 'subscription_started',
        PURCHASE: 'sale',
      },
      ignoredEventTypes: ['OPEN', 'REINSTALL', 'CLICK', 'WEB_SESSION_START'],
      timeFormats: ['unix_milliseconds'],
    },
  },
};
