/** Shakes: an order without a status yet is called none. */
import { CLICK_ID, COMMUNITY, type Network } from '../network.ts';

export const shakes: Network = {
  key: 'shakes',
  name: 'Shakes',
  kind: 'affiliate_network',
  source: COMMUNITY,
  confirmed: false,
  inbound: {
    clickIdParameter: 'sub1=',
    calls: [
      {
        reports: 'a conversion, and each change of its status',
        method: 'GET',
        parameters: 'click_id={sub1}&status={status}&revenue={cost}&currency={currency}&product_id={offer}',
        examples: [
          {
            title: 'a new order',
            macros: {
              '{sub1}': CLICK_ID,
              '{status}': 'none',
              '{cost}': '700',
              '{currency}': 'RUB',
              '{offer}': 'slim',
            },
            expected: {
              eventType: 'sale',
              status: 'pending',
              clickId: CLICK_ID,
              revenueMicros: 700_000_000n,
              currency: 'RUB',
              productId: 'slim',
            },
          },
          {
            title: 'a declined order',
            macros: {
              '{sub1}': CLICK_ID,
              '{status}': 'decline',
              '{cost}': '0',
              '{currency}': 'RUB',
              '{offer}': 'slim',
            },
            expected: {
              eventType: 'sale',
              status: 'rejected',
              clickId: CLICK_ID,
              revenueMicros: 0n,
              currency: 'RUB',
              productId: 'slim',
            },
          },
        ],
      },
    ],
    profile: {
      defaultEventType: 'sale',
      statuses: {
        none: 'pending',
        confirm: 'approved',
        approved: 'approved',
        reject: 'rejected',
        decline: 'rejected',
      },
    },
  },
};
