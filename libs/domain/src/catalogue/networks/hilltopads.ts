/** HilltopAds: token and price of the conversion; the same words mean cost on the way in. */
import { COMMUNITY, type Network } from '../network.ts';

export const hilltopads: Network = {
  key: 'hilltopads',
  name: 'HilltopAds',
  kind: 'traffic_source',
  source: COMMUNITY,
  confirmed: false,
  notes: ['Newer accounts are given another host: take the one its panel shows.'],
  outbound: {
    urlTemplate:
      'https://postback.hilltopads.com/close/?token={partner_click_id}&price={payout}&currency={currency}&advertiserId=ADVERTISER_ID',
    fillIn: { ADVERTISER_ID: 'id of the advertiser, in its panel under Trackers' },
    clickUrlParameter: 'partner_click_id={{ctoken}}',
    rendered:
      'https://postback.hilltopads.com/close/?token=p-click-9&price=2.5&currency=USD&advertiserId=ADVERTISER_ID',
  },
};
