/** JuicyAds: campaign, token and goal belong to the account. */
import { COMMUNITY, type Network } from '../network.ts';

export const juicyads: Network = {
  key: 'juicyads',
  name: 'JuicyAds',
  kind: 'traffic_source',
  source: COMMUNITY,
  confirmed: false,
  outbound: {
    urlTemplate:
      'https://ck.juicyads.com/ilikeitjuicy.php?c=CAMPAIGN&s2s={partner_click_id}&amount={payout}&token={secret:token}&goal=GOAL',
    fillIn: { CAMPAIGN: 'c of the postback URL in its panel', GOAL: 'number of the goal' },
    secrets: { token: 'token of the same URL' },
    clickUrlParameter: 'partner_click_id={dynamicS2S}',
    rendered:
      'https://ck.juicyads.com/ilikeitjuicy.php?c=CAMPAIGN&s2s=p-click-9&amount=2.5&token=TOKEN&goal=GOAL',
  },
};
