/** Webvork: our click id travels in utm_medium. */
import { CLICK_ID, COMMUNITY, type Network } from '../network.ts';

export const webvork: Network = {
  key: 'webvork',
  name: 'Webvork',
  kind: 'affiliate_network',
  source: COMMUNITY,
  confirmed: false,
  notes: [
    'The words of {status_lead} are not known: those that are not pending, approved or rejected are refused until they are mapped in statuses.',
  ],
  inbound: {
    clickIdParameter: 'utm_medium=',
    calls: [
      {
        reports: 'a conversion, and each change of its status',
        method: 'GET',
        parameters: 'click_id={utm_medium}&status={status_lead}&revenue={money}&currency={currency}',
        examples: [
          {
            title: 'an approved lead',
            macros: {
              '{utm_medium}': CLICK_ID,
              '{status_lead}': 'approved',
              '{money}': '9',
              '{currency}': 'EUR',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              revenueMicros: 9_000_000n,
              currency: 'EUR',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead' },
  },
};
