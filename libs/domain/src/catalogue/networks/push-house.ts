/** Push.House: click id and cost of the conversion. */
import { COMMUNITY, type Network } from '../network.ts';

export const pushHouse: Network = {
  key: 'push-house',
  name: 'Push.House',
  kind: 'traffic_source',
  source: COMMUNITY,
  confirmed: false,
  outbound: {
    urlTemplate: 'http://api.push.house/v1/postback?click_id={partner_click_id}&cost={payout}',
    clickUrlParameter: 'partner_click_id={click_id}',
    rendered: 'http://api.push.house/v1/postback?click_id=p-click-9&cost=2.5',
  },
};
