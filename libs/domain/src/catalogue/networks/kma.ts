/** KMA: statuses as single letters. */
import { CLICK_ID, COMMUNITY, type Network } from '../network.ts';

export const kma: Network = {
  key: 'kma',
  name: 'KMA',
  kind: 'affiliate_network',
  source: COMMUNITY,
  confirmed: false,
  inbound: {
    clickIdParameter: 'data1=',
    calls: [
      {
        reports: 'a conversion, and each change of its status',
        method: 'GET',
        parameters:
          'click_id={data1}&transaction_id={orderid}&status={status}&revenue={sum}&currency={currency}',
        examples: [
          {
            title: 'an approved order',
            macros: {
              '{data1}': CLICK_ID,
              '{orderid}': '5',
              '{status}': 'A',
              '{sum}': '600',
              '{currency}': 'RUB',
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: '5',
              revenueMicros: 600_000_000n,
              currency: 'RUB',
            },
          },
          {
            title: 'a fake order',
            macros: {
              '{data1}': CLICK_ID,
              '{orderid}': '6',
              '{status}': 'F',
              '{sum}': '0',
              '{currency}': 'RUB',
            },
            expected: {
              eventType: 'sale',
              status: 'rejected',
              clickId: CLICK_ID,
              transactionId: '6',
              revenueMicros: 0n,
              currency: 'RUB',
            },
          },
        ],
      },
    ],
    profile: {
      defaultEventType: 'sale',
      statuses: { P: 'pending', A: 'approved', D: 'rejected', F: 'rejected' },
    },
  },
};
