/** Tapfiliate: a trigger of the affiliate posts to a URL whose macros reach into the conversion. */
import { CLICK_ID, type Network } from '../network.ts';

export const tapfiliate: Network = {
  key: 'tapfiliate',
  name: 'Tapfiliate',
  kind: 'affiliate_platform',
  source: 'https://tapfiliate.com/docs/guides/setting-up-s2s-postback-tracking/',
  confirmed: true,
  notes: [
    'The affiliate first adds the key subid1 to the meta data of its link.',
    'Amounts come without a currency: set defaultCurrency to that of the programme.',
  ],
  inbound: {
    clickIdParameter: 'subid1=',
    calls: [
      {
        reports: 'a conversion',
        method: 'POST',
        parameters:
          'click_id=${conversion.click.meta_data[subid1]}&transaction_id=${conversion.id}&revenue=${conversion.amount}',
        examples: [
          {
            title: 'a conversion',
            macros: {
              '${conversion.click.meta_data[subid1]}': CLICK_ID,
              '${conversion.id}': '1',
              '${conversion.amount}': '100.5',
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: '1',
              revenueMicros: 100_500_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'sale', defaultCurrency: 'USD' },
  },
  outbound: {
    urlTemplate:
      'https://api.tapfiliate.com/1.7/pb/con/c/?click_id={partner_click_id}&amount={revenue}&currency={currency}&external_id={conversion_id}',
    headers: { 'x-api-key': '{secret:api_key}' },
    secrets: { api_key: 'the API key of the account settings' },
    clickUrlParameter: 'partner_click_id={click_id}',
    rendered:
      'https://api.tapfiliate.com/1.7/pb/con/c/?click_id=p-click-9&amount=12.34&currency=USD&external_id=0b7c9a51-2f4e-8d63-9c1a-7e5d3b2f1a90',
  },
};
