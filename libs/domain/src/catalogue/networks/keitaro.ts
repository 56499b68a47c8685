/** Keitaro: lead, sale, rejected and rebill are statuses there; sale is paid, lead is not yet. */
import { CLICK_ID, type Network } from '../network.ts';

export const keitaro: Network = {
  key: 'keitaro',
  name: 'Keitaro',
  kind: 'tracker',
  source: 'https://docs.keitaro.io/en/conversions/postback.html',
  confirmed: true,
  notes: [
    'The words and the parameters of its postback are confirmed; the macros of its S2S postback are from the summary of a help page.',
    'Revenue is in the currency of the tracker: set defaultCurrency.',
  ],
  inbound: {
    clickIdParameter: 'external_id=',
    calls: [
      {
        reports: 'a conversion, and each change of its status',
        method: 'GET',
        parameters:
          'click_id={external_id}&transaction_id={tid}&event_type={status}&status={status}&revenue={revenue}',
        examples: [
          {
            title: 'a lead: not confirmed yet',
            macros: {
              '{external_id}': CLICK_ID,
              '{tid}': '1',
              '{status}': 'lead',
              '{revenue}': '4',
            },
            expected: {
              eventType: 'sale',
              status: 'pending',
              clickId: CLICK_ID,
              transactionId: '1',
              revenueMicros: 4_000_000n,
              currency: 'USD',
            },
          },
          {
            title: 'the sale: confirmed',
            macros: {
              '{external_id}': CLICK_ID,
              '{tid}': '1',
              '{status}': 'sale',
              '{revenue}': '4',
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: '1',
              revenueMicros: 4_000_000n,
              currency: 'USD',
            },
          },
          {
            title: 'a rebill',
            macros: {
              '{external_id}': CLICK_ID,
              '{tid}': '2',
              '{status}': 'rebill',
              '{revenue}': '3',
            },
            expected: {
              eventType: 'renewal',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: '2',
              revenueMicros: 3_000_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: {
      eventTypes: { lead: 'sale', sale: 'sale', rejected: 'sale', rebill: 'renewal' },
      statuses: { lead: 'pending', sale: 'approved', rejected: 'rejected', rebill: 'approved' },
      defaultCurrency: 'USD',
    },
  },
  outbound: {
    urlTemplate:
      'https://DOMAIN/{secret:postback_key}/postback?subid={partner_click_id}&status={status}&payout={payout}&tid={conversion_id}&currency={currency}',
    fillIn: { DOMAIN: 'the domain of the tracker' },
    secrets: { postback_key: 'the key in its postback URL' },
    statuses: { pending: 'lead', held: 'lead', payable: 'sale', rejected: 'rejected', reversed: 'rejected' },
    clickUrlParameter: 'partner_click_id={subid}',
    rendered:
      'https://DOMAIN/POSTBACK_KEY/postback?subid=p-click-9&status=sale&payout=2.5&tid=0b7c9a51-2f4e-8d63-9c1a-7e5d3b2f1a90&currency=USD',
  },
};
