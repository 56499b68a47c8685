/** ClickBank: marketplace for digital products; the kind of the sale stands in its event type. */
import { CLICK_ID, type Network } from '../network.ts';

export const clickbank: Network = {
  key: 'clickbank',
  name: 'ClickBank',
  kind: 'affiliate_network',
  source: 'https://support.clickbank.com/hc/en-us/articles/26572131282964-Postback-Pixels-Guide',
  confirmed: true,
  notes: [
    'The page confirms the feature and its events; the macros are from a community list, REBILL, REFUND and CHARGEBACK from memory.',
    'Accounts with the parameters of June 2024 may append extclid= instead of tid=.',
  ],
  inbound: {
    clickIdParameter: 'tid=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters:
          'click_id={tid}&event_type={event_type}&transaction_id={event_id}&revenue={affiliate_earnings}',
        examples: [
          {
            title: 'an upsell',
            macros: {
              '{tid}': CLICK_ID,
              '{event_type}': 'UPSELL',
              '{event_id}': 'EV-1002',
              '{affiliate_earnings}': '27.30',
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'EV-1002',
              revenueMicros: 27_300_000n,
              currency: 'USD',
            },
          },
          {
            title: 'a refund',
            macros: {
              '{tid}': CLICK_ID,
              '{event_type}': 'REFUND',
              '{event_id}': 'EV-1003',
              '{affiliate_earnings}': '-27.30',
            },
            expected: {
              eventType: 'refund',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'EV-1003',
              currency: 'USD',
              revenueMicros: 27_300_000n,
            },
          },
          {
            title: 'the order form is seen',
            macros: {
              '{tid}': CLICK_ID,
              '{event_type}': 'ORDER_IMPRESSION',
              '{event_id}': 'EV-1001',
              '{affiliate_earnings}': '',
            },
            expected: { ignored: 'ignored_by_profile' },
          },
        ],
      },
    ],
    profile: {
      eventTypes: {
        PURCHASE: 'sale',
        UPSELL: 'sale',
        REBILL: 'renewal',
        REFUND: 'refund',
        CHARGEBACK: 'chargeback',
      },
      ignoredEventTypes: ['ORDER_IMPRESSION'],
      defaultCurrency: 'USD',
    },
  },
};
