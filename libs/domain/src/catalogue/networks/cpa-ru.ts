/** cpa.ru: the dialect of AdCombo with the status as a macro. */
import { CLICK_ID, COMMUNITY, type Network } from '../network.ts';

export const cpaRu: Network = {
  key: 'cpa-ru',
  name: 'cpa.ru',
  kind: 'affiliate_network',
  source: COMMUNITY,
  confirmed: false,
  notes: ['The words of the status are those of AdCombo; the page was not kept.'],
  inbound: {
    clickIdParameter: 'subacc4=',
    calls: [
      {
        reports: 'a conversion, and each change of its status',
        method: 'GET',
        parameters: 'click_id={subacc4}&transaction_id={trans_id}&status={status}&revenue={revenue}',
        examples: [
          {
            title: 'an order on hold',
            macros: {
              '{subacc4}': CLICK_ID,
              '{trans_id}': '61',
              '{status}': 'hold',
              '{revenue}': '450',
            },
            expected: {
              eventType: 'sale',
              status: 'pending',
              clickId: CLICK_ID,
              transactionId: '61',
              revenueMicros: 450_000_000n,
              currency: 'RUB',
            },
          },
          {
            title: 'a reject',
            macros: {
              '{subacc4}': CLICK_ID,
              '{trans_id}': '61',
              '{status}': 'reject',
              '{revenue}': '0',
            },
            expected: {
              eventType: 'sale',
              status: 'rejected',
              clickId: CLICK_ID,
              transactionId: '61',
              revenueMicros: 0n,
              currency: 'RUB',
            },
          },
        ],
      },
    ],
    profile: {
      defaultEventType: 'sale',
      statuses: { hold: 'pending', lead: 'approved', reject: 'rejected' },
      defaultCurrency: 'RUB',
    },
  },
};
