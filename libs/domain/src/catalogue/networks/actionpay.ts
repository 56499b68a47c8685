/** Actionpay: the sub-id stands in the path of the link; an action is accepted, paid or rejected. */
import { CLICK_ID, COMMUNITY, type Network } from '../network.ts';

export const actionpay: Network = {
  key: 'actionpay',
  name: 'Actionpay',
  kind: 'affiliate_network',
  source: COMMUNITY,
  confirmed: false,
  notes: ['The click id is a segment of the path, behind the slash.'],
  inbound: {
    clickIdParameter: '/',
    calls: [
      {
        reports: 'a conversion, and each change of its status',
        method: 'GET',
        parameters: 'click_id={subid2}&status={event}&revenue={payment}&currency={currency}',
        examples: [
          {
            title: 'an accepted action',
            macros: {
              '{subid2}': CLICK_ID,
              '{event}': 'accepted',
              '{payment}': '120',
              '{currency}': 'RUB',
            },
            expected: {
              eventType: 'lead',
              status: 'pending',
              clickId: CLICK_ID,
              revenueMicros: 120_000_000n,
              currency: 'RUB',
            },
          },
          {
            title: 'a paid action',
            macros: {
              '{subid2}': CLICK_ID,
              '{event}': 'paid',
              '{payment}': '120',
              '{currency}': 'RUB',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              revenueMicros: 120_000_000n,
              currency: 'RUB',
            },
          },
          {
            title: 'a rejected action',
            macros: {
              '{subid2}': CLICK_ID,
              '{event}': 'rejected',
              '{payment}': '0',
              '{currency}': 'RUB',
            },
            expected: {
              eventType: 'lead',
              status: 'rejected',
              clickId: CLICK_ID,
              revenueMicros: 0n,
              currency: 'RUB',
            },
          },
        ],
      },
    ],
    profile: {
      defaultEventType: 'lead',
      statuses: { accepted: 'pending', paid: 'approved', rejected: 'rejected' },
    },
  },
};
