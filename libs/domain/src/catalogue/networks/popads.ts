/** PopAds: conversions by the id of the impression, in US dollars, within 48 hours. */
import { COMMUNITY, type Network } from '../network.ts';

export const popads: Network = {
  key: 'popads',
  name: 'PopAds',
  kind: 'traffic_source',
  source: COMMUNITY,
  confirmed: false,
  notes: ['Impressions are said to be kept for 48 hours.'],
  outbound: {
    urlTemplate: 'http://serve.popads.net/cpixel.php?s2s=1&aid=AID&id={partner_click_id}&value={payout}',
    fillIn: { AID: 'aid of the postback URL in its panel' },
    clickUrlParameter: 'partner_click_id=[IMPRESSIONID]',
    rendered: 'http://serve.popads.net/cpixel.php?s2s=1&aid=AID&id=p-click-9&value=2.5',
  },
};
