/** Trcker: a path per brand and offer, amounts in dollars. */
import type { Network } from '../network.ts';

export const trcker: Network = {
  key: 'trcker',
  name: 'Trcker',
  kind: 'tracker',
  source: 'https://trcker.io/docs/postback-macros',
  confirmed: true,
  outbound: {
    urlTemplate:
      'https://app.trcker.io/api/postback/BRAND/OFFER?click_id={partner_click_id}&amount={revenue}&payout={payout}&txn_id={transaction_id}&event={event}&currency={currency}',
    fillIn: { BRAND: 'the brand in its URL', OFFER: 'the offer in its URL' },
    clickUrlParameter: 'partner_click_id={click_id}',
    rendered:
      'https://app.trcker.io/api/postback/BRAND/OFFER?click_id=p-click-9&amount=12.34&payout=2.5&txn_id=order-42&event=sale&currency=USD',
  },
};
