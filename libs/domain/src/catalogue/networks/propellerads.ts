/** PropellerAds: the click id is the visitor id; aid and tid belong to the account. */
import type { Network } from '../network.ts';

export const propellerads: Network = {
  key: 'propellerads',
  name: 'PropellerAds',
  kind: 'traffic_source',
  source: 'https://docs.bemob.com/en/postback-settings-of-traffic-source',
  confirmed: false,
  notes: [
    'The token ${SUBID}, visitor_id, aid and tid are confirmed; the address is from a community list.',
    'One conversion is counted per click id.',
  ],
  outbound: {
    urlTemplate:
      'http://ad.propellerads.com/conversion.php?aid=AID&pid=&tid=TID&visitor_id={partner_click_id}&payout={payout}',
    fillIn: { AID: 'aid of the postback URL in its panel', TID: 'tid of the same URL' },
    clickUrlParameter: 'partner_click_id=${SUBID}',
    rendered:
      'http://ad.propellerads.com/conversion.php?aid=AID&pid=&tid=TID&visitor_id=p-click-9&payout=2.5',
  },
};
