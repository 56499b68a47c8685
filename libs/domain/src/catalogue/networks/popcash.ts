/** PopCash: the path says click and means a conversion. */
import { COMMUNITY, type Network } from '../network.ts';

export const popcash: Network = {
  key: 'popcash',
  name: 'PopCash',
  kind: 'traffic_source',
  source: COMMUNITY,
  confirmed: false,
  outbound: {
    urlTemplate: 'https://ct.popcash.net/click?aid=AID&clickid={partner_click_id}&payout={payout}',
    fillIn: { AID: 'aid of the conversion tracker in its panel' },
    clickUrlParameter: 'partner_click_id=[clickid]',
    rendered: 'https://ct.popcash.net/click?aid=AID&clickid=p-click-9&payout=2.5',
  },
};
