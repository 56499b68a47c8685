/** Trackier: p1 to p10 come back as they were sent. */
import { CLICK_ID, type Network } from '../network.ts';

export const trackier: Network = {
  key: 'trackier',
  name: 'Trackier',
  kind: 'affiliate_platform',
  source:
    'https://help.trackier.com/support/solutions/articles/31000154963-publisher-tracking-link-macro-and-postback-parameter-',
  confirmed: true,
  notes: [
    '{currency} and {status} of the publisher postback are from memory; the page shows payout and txn_id.',
  ],
  inbound: {
    clickIdParameter: 'p1=',
    calls: [
      {
        reports: 'a conversion, and each change of its status',
        method: 'GET',
        parameters:
          'click_id={p1}&transaction_id={txn_id}&status={status}&revenue={payout}&currency={currency}',
        examples: [
          {
            title: 'an approved conversion',
            macros: {
              '{p1}': CLICK_ID,
              '{txn_id}': 'order-42',
              '{status}': 'approved',
              '{payout}': '1.2',
              '{currency}': 'INR',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'order-42',
              revenueMicros: 1_200_000n,
              currency: 'INR',
            },
          },
          {
            title: 'a cancelled conversion',
            macros: {
              '{p1}': CLICK_ID,
              '{txn_id}': 'order-42',
              '{status}': 'cancelled',
              '{payout}': '1.2',
              '{currency}': 'INR',
            },
            expected: {
              eventType: 'lead',
              status: 'rejected',
              clickId: CLICK_ID,
              transactionId: 'order-42',
              revenueMicros: 1_200_000n,
              currency: 'INR',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead', statuses: { cancelled: 'rejected' } },
  },
  outbound: {
    urlTemplate:
      'https://DOMAIN/acquisition?click_id={partner_click_id}&txn_id={transaction_id}&sale_amount={revenue}&currency={currency}&status={status}',
    fillIn: { DOMAIN: "the network's tracking domain" },
    statuses: { held: 'pending', payable: 'approved', reversed: 'cancelled' },
    clickUrlParameter: 'partner_click_id={click_id}',
    rendered:
      'https://DOMAIN/acquisition?click_id=p-click-9&txn_id=order-42&sale_amount=12.34&currency=USD&status=approved',
  },
};
