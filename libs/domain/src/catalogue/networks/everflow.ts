/** Everflow: partner postbacks with sub1 to sub10; the advertiser's call needs the network id and the transaction id. */
import { CLICK_ID, type Network } from '../network.ts';

export const everflow: Network = {
  key: 'everflow',
  name: 'Everflow',
  kind: 'affiliate_platform',
  source: 'https://mrpostback.com/everflow/',
  confirmed: true,
  notes: [
    "Add &event_type={event_name} once the events' names are mapped in eventTypes: they are the network's own words.",
    'Everflow switches a partner postback off after 25 failures in a row.',
    '{sub1}, nid and transaction_id were read; {payout_amount}, {conversion_id}, {offer_currency} and the other parameters are from a summary of its help.',
  ],
  inbound: {
    clickIdParameter: 'sub1=',
    calls: [
      {
        reports: 'a conversion or an event',
        method: 'GET',
        parameters:
          'click_id={sub1}&transaction_id={conversion_id}&revenue={payout_amount}&currency={offer_currency}&product_id={offer_id}',
        examples: [
          {
            title: 'a conversion',
            macros: {
              '{sub1}': CLICK_ID,
              '{conversion_id}': '4f2d8c1b6a9e4e0d8b7c6a5f4e3d2c1b',
              '{payout_amount}': '12.5',
              '{offer_currency}': 'EUR',
              '{offer_id}': '17',
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: '4f2d8c1b6a9e4e0d8b7c6a5f4e3d2c1b',
              revenueMicros: 12_500_000n,
              currency: 'EUR',
              productId: '17',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'sale' },
  },
  outbound: {
    urlTemplate:
      'https://DOMAIN/?nid=NETWORK_ID&transaction_id={partner_click_id}&amount={revenue}&order_id={transaction_id}&verification_token={secret:verification_token}',
    fillIn: {
      DOMAIN: "the network's tracking domain",
      NETWORK_ID: 'nid of the postback URL that the network shows',
    },
    secrets: { verification_token: 'the verification token of the advertiser' },
    clickUrlParameter: 'partner_click_id={transaction_id}',
    rendered:
      'https://DOMAIN/?nid=NETWORK_ID&transaction_id=p-click-9&amount=12.34&order_id=order-42&verification_token=VERIFICATION_TOKEN',
  },
};
