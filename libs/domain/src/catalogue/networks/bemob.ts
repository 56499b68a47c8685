/** BeMob: new, approved and declined conversions; takes conversions with cid, payout and txid. */
import { CLICK_ID, type Network } from '../network.ts';

export const bemob: Network = {
  key: 'bemob',
  name: 'BeMob',
  kind: 'tracker',
  source: 'https://docs.bemob.com/en/postback-settings-of-traffic-source',
  confirmed: true,
  notes: ['Payouts are taken for US dollars: set defaultCurrency to the currency of the account.'],
  inbound: {
    clickIdParameter: 'external_id=',
    calls: [
      {
        reports: 'a conversion, and each change of its status',
        method: 'GET',
        parameters: 'click_id={externalId}&status={status}&revenue={payout}',
        examples: [
          {
            title: 'a declined conversion',
            macros: {
              '{externalId}': CLICK_ID,
              '{status}': 'declined',
              '{payout}': '0',
            },
            expected: {
              eventType: 'lead',
              status: 'rejected',
              clickId: CLICK_ID,
              revenueMicros: 0n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: {
      defaultEventType: 'lead',
      statuses: { new: 'pending', approved: 'approved', declined: 'rejected' },
      defaultCurrency: 'USD',
    },
  },
  outbound: {
    urlTemplate:
      'https://DOMAIN/postback?cid={partner_click_id}&payout={payout}&txid={conversion_id}&status={status}',
    fillIn: { DOMAIN: 'xxxxx.bemobtrcks.com with the id of the account, or its own domain' },
    statuses: {
      pending: 'new',
      held: 'new',
      payable: 'approved',
      rejected: 'declined',
      reversed: 'declined',
    },
    clickUrlParameter: 'partner_click_id={clickId}',
    rendered:
      'https://DOMAIN/postback?cid=p-click-9&payout=2.5&txid=0b7c9a51-2f4e-8d63-9c1a-7e5d3b2f1a90&status=approved',
  },
};
