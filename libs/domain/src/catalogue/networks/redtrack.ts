/** RedTrack: takes conversions with clickid and sum; types and statuses are case-sensitive there. */
import { CLICK_ID, type Network } from '../network.ts';

export const redtrack: Network = {
  key: 'redtrack',
  name: 'RedTrack',
  kind: 'tracker',
  source: 'https://help.redtrack.io/knowledgebase/kb/basic-setup-9785/supported-dynamic-parameters/',
  confirmed: false,
  notes: ['clickid is confirmed; sum, {ref_id}, {type} and {payout} are from memory.'],
  inbound: {
    clickIdParameter: 'ref_id=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters: 'click_id={ref_id}&event_type={type}&revenue={payout}',
        examples: [
          {
            title: 'a conversion that it passes on',
            macros: {
              '{ref_id}': CLICK_ID,
              '{type}': 'Purchase',
              '{payout}': '8',
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              revenueMicros: 8_000_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: {
      eventTypes: { purchase: 'sale', conversion: 'sale', lead: 'lead' },
      defaultEventType: 'sale',
      defaultCurrency: 'USD',
    },
  },
  outbound: {
    urlTemplate:
      'https://DOMAIN/postback?clickid={partner_click_id}&sum={payout}&type={event}&status={status}',
    fillIn: { DOMAIN: 'the tracking domain of the account' },
    statuses: {
      pending: 'Pending',
      held: 'Pending',
      payable: 'Approved',
      rejected: 'Declined',
      reversed: 'Declined',
    },
    clickUrlParameter: 'partner_click_id={clickid}',
    rendered: 'https://DOMAIN/postback?clickid=p-click-9&sum=2.5&type=sale&status=Approved',
  },
};
