/** Posh Partners: casino; one URL per event of the player. */
import { CLICK_ID, type Network } from '../network.ts';

export const poshPartners: Network = {
  key: 'posh-partners',
  name: 'Posh Partners',
  kind: 'affiliate_network',
  source: 'https://posh-partners.com/faq/what-is-a-postback',
  confirmed: true,
  notes: [
    'The sub-id of the link is called transaction_id here.',
    'The currency of {amount} is not documented: set defaultCurrency.',
  ],
  inbound: {
    clickIdParameter: 'promo=',
    calls: [
      {
        reports: 'a registration',
        method: 'GET',
        parameters: 'click_id={transaction_id}&event_type=lead',
        examples: [
          {
            title: 'a registration',
            macros: {
              '{transaction_id}': CLICK_ID,
            },
            expected: { eventType: 'lead', status: 'approved', clickId: CLICK_ID, currency: 'USD' },
          },
        ],
      },
      {
        reports: 'the first deposit',
        method: 'GET',
        parameters: 'click_id={transaction_id}&event_type=first_purchase&revenue={amount}',
        examples: [
          {
            title: 'the first deposit',
            macros: {
              '{transaction_id}': CLICK_ID,
              '{amount}': '50',
            },
            expected: {
              eventType: 'first_purchase',
              status: 'approved',
              clickId: CLICK_ID,
              revenueMicros: 50_000_000n,
              currency: 'USD',
            },
          },
        ],
      },
      {
        reports: 'a deposit',
        method: 'GET',
        parameters: 'click_id={transaction_id}&event_type=sale&revenue={amount}',
        examples: [
          {
            title: 'a deposit',
            macros: {
              '{transaction_id}': CLICK_ID,
              '{amount}': '20.5',
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              revenueMicros: 20_500_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultCurrency: 'USD' },
  },
};
