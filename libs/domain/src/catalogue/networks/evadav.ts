/** Evadav: one address for all accounts; answers 200 also to what it does not take. */
import { COMMUNITY, type Network } from '../network.ts';

export const evadav: Network = {
  key: 'evadav',
  name: 'Evadav',
  kind: 'traffic_source',
  source: COMMUNITY,
  confirmed: false,
  outbound: {
    urlTemplate: 'https://evadav.com/phpb?click_id={partner_click_id}&payout={payout}',
    clickUrlParameter: 'partner_click_id={CLICKID}',
    rendered: 'https://evadav.com/phpb?click_id=p-click-9&payout=2.5',
  },
};
