/** RichAds: the click id is called key, the conversion an action. */
import type { Network } from '../network.ts';

export const richads: Network = {
  key: 'richads',
  name: 'RichAds',
  kind: 'traffic_source',
  source: 'https://docs.bemob.com/en/richads-pops',
  confirmed: true,
  notes: [
    'The page is that of a tracker; the token [CLICK_ID] is from a community list.',
    'RichAds is said to show another host in newer accounts: take the one its panel shows.',
  ],
  outbound: {
    urlTemplate: 'http://xml.auxml.com/log?action=conversion&key={partner_click_id}&price={payout}',
    clickUrlParameter: 'partner_click_id=[CLICK_ID]',
    rendered: 'http://xml.auxml.com/log?action=conversion&key=p-click-9&price=2.5',
  },
};
