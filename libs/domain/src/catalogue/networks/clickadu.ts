/** Clickadu: a hash in the path stands for the account. */
import type { Network } from '../network.ts';

export const clickadu: Network = {
  key: 'clickadu',
  name: 'Clickadu',
  kind: 'traffic_source',
  source: 'https://kintura.com/docs/presets/pairings/clickadu/clickbooth',
  confirmed: true,
  notes: ['The page is that of a tracker and writes http; aid and payout are from public code.'],
  outbound: {
    urlTemplate:
      'https://sconvtrk.com/conversion/HASH/?visitor_id={partner_click_id}&aid=AID&payout={payout}',
    fillIn: { HASH: 'the long part of the postback URL in its panel', AID: 'aid of the same URL' },
    clickUrlParameter: 'partner_click_id=${SUBID}',
    rendered: 'https://sconvtrk.com/conversion/HASH/?visitor_id=p-click-9&aid=AID&payout=2.5',
  },
};
