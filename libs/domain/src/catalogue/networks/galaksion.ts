/** Galaksion: the account is a number in the query. */
import { COMMUNITY, type Network } from '../network.ts';

export const galaksion: Network = {
  key: 'galaksion',
  name: 'Galaksion',
  kind: 'traffic_source',
  source: COMMUNITY,
  confirmed: false,
  outbound: {
    urlTemplate: 'http://postback.report/postback?cid=ACCOUNT&click_id={partner_click_id}',
    fillIn: { ACCOUNT: 'number of the account' },
    clickUrlParameter: 'partner_click_id={click_id}',
    rendered: 'http://postback.report/postback?cid=ACCOUNT&click_id=p-click-9',
  },
};
