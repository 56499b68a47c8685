/** Voluum: tells a traffic source by postback, and takes conversions with cid, payout and txid. */
import { CLICK_ID, type Network } from '../network.ts';

export const voluum: Network = {
  key: 'voluum',
  name: 'Voluum',
  kind: 'tracker',
  source: 'https://doc.voluum.com/en/tracking_conversions_postback.html',
  confirmed: true,
  notes: [
    'In Voluum we are a traffic source whose External ID is our click id; {payout} and {transaction.id} of its postback are from memory.',
  ],
  inbound: {
    clickIdParameter: 'partner_click_id=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters: 'click_id={externalid}&transaction_id={transaction.id}&revenue={payout}',
        examples: [
          {
            title: 'a conversion that it passes on',
            macros: {
              '{externalid}': CLICK_ID,
              '{transaction.id}': 'tx-77',
              '{payout}': '5.5',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'tx-77',
              revenueMicros: 5_500_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead', defaultCurrency: 'USD' },
  },
  outbound: {
    urlTemplate:
      'https://DOMAIN/postback?cid={partner_click_id}&payout={payout}&txid={conversion_id}&currency={currency}&et={event}',
    fillIn: { DOMAIN: 'the tracking domain of the account' },
    clickUrlParameter: 'partner_click_id={clickid}',
    rendered:
      'https://DOMAIN/postback?cid=p-click-9&payout=2.5&txid=0b7c9a51-2f4e-8d63-9c1a-7e5d3b2f1a90&currency=USD&et=sale',
  },
};
