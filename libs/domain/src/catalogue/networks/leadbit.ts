/** Leadbit: nutra offers, with an id and a status per lead. */
import { CLICK_ID, type Network } from '../network.ts';

export const leadbit: Network = {
  key: 'leadbit',
  name: 'Leadbit',
  kind: 'affiliate_network',
  source: 'https://docs.bemob.com/en/leadbit-settings',
  confirmed: true,
  notes: [
    'The page does not tell the words of {status}: those that are not pending, approved or rejected are refused until they are mapped in statuses.',
  ],
  inbound: {
    clickIdParameter: 'sub1=',
    calls: [
      {
        reports: 'a conversion, and each change of its status',
        method: 'GET',
        parameters: 'click_id={sub1}&transaction_id={id}&status={status}&revenue={cost}',
        examples: [
          {
            title: 'an approved lead',
            macros: {
              '{sub1}': CLICK_ID,
              '{id}': '313',
              '{status}': 'approved',
              '{cost}': '11',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: '313',
              revenueMicros: 11_000_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead', defaultCurrency: 'USD' },
  },
};
