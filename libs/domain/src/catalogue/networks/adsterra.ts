/** Adsterra: the name of the advertiser stands in the path; payouts in US dollars. */
import type { Network } from '../network.ts';

export const adsterra: Network = {
  key: 'adsterra',
  name: 'Adsterra',
  kind: 'traffic_source',
  source: 'http://help-advertisers.adsterra.com/en/articles/4575914-how-do-i-setup-postback',
  confirmed: true,
  notes: ['Only payouts in US dollars may be sent to this address.', 'The token is from a community list.'],
  outbound: {
    urlTemplate: 'https://www.pbterra.com/name/ADVERTISER/at?subid_short={partner_click_id}&atpay={payout}',
    fillIn: { ADVERTISER: "the advertiser's user name" },
    clickUrlParameter: 'partner_click_id=##SUB_ID_SHORT(action)##',
    rendered: 'https://www.pbterra.com/name/ADVERTISER/at?subid_short=p-click-9&atpay=2.5',
  },
};
