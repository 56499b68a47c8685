/** TrafficCake and 12Monkiss: dating and casino; the type of the event in short words. */
import { CLICK_ID, COMMUNITY, type Network } from '../network.ts';

export const trafficcake: Network = {
  key: 'trafficcake',
  name: 'TrafficCake',
  kind: 'affiliate_network',
  source: COMMUNITY,
  confirmed: false,
  notes: ['##EVENT## as the name of the macro is from memory; use ##RS_AMOUNT## for a share of the revenue.'],
  inbound: {
    clickIdParameter: 'click_id=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters:
          'click_id=##CLICK_ID##&transaction_id=##POSTBACK_ID##&event_type=##EVENT##&revenue=##CPA_AMOUNT##&currency=##CURRENCY##',
        examples: [
          {
            title: 'a registration',
            macros: {
              '##CLICK_ID##': CLICK_ID,
              '##POSTBACK_ID##': 'p-1',
              '##EVENT##': 'reg',
              '##CPA_AMOUNT##': '1.5',
              '##CURRENCY##': 'USD',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'p-1',
              revenueMicros: 1_500_000n,
              currency: 'USD',
            },
          },
          {
            title: 'a rebill',
            macros: {
              '##CLICK_ID##': CLICK_ID,
              '##POSTBACK_ID##': 'p-2',
              '##EVENT##': 'rebill',
              '##CPA_AMOUNT##': '9',
              '##CURRENCY##': 'USD',
            },
            expected: {
              eventType: 'renewal',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'p-2',
              revenueMicros: 9_000_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: {
      eventTypes: { reg: 'lead', lead: 'lead', dep: 'first_purchase', approve: 'sale', rebill: 'renewal' },
      ignoredEventTypes: ['reject'],
    },
  },
};
