/** ClickFlare: takes conversions at cf/cv by its click id. */
import { CLICK_ID, type Network } from '../network.ts';

export const clickflare: Network = {
  key: 'clickflare',
  name: 'ClickFlare',
  kind: 'tracker',
  source: 'https://help.clickflare.io/en/tracking/how-to-configure-a-traffic-source-s2s-postback-url',
  confirmed: true,
  notes: ['{payout} is from memory.'],
  inbound: {
    clickIdParameter: 'external_id=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters:
          'click_id={externalid}&transaction_id={transaction.id}&revenue={payout}&country={country}',
        examples: [
          {
            title: 'a conversion that it passes on',
            macros: {
              '{externalid}': CLICK_ID,
              '{transaction.id}': 'cf-1',
              '{payout}': '3',
              '{country}': 'DE',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'cf-1',
              revenueMicros: 3_000_000n,
              country: 'DE',
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead', defaultCurrency: 'USD' },
  },
  outbound: {
    urlTemplate: 'https://DOMAIN/cf/cv?click_id={partner_click_id}&payout={payout}',
    fillIn: { DOMAIN: 'the tracking domain of the account' },
    clickUrlParameter: 'partner_click_id={cf_click_id}',
    rendered: 'https://DOMAIN/cf/cv?click_id=p-click-9&payout=2.5',
  },
};
