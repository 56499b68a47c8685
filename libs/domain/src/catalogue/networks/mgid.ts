/** MGID: the event is a word with a number of your own, revenue in the currency of the account. */
import type { Network } from '../network.ts';

export const mgid: Network = {
  key: 'mgid',
  name: 'MGID',
  kind: 'traffic_source',
  source: 'https://help.mgid.com/binom.org-tracker-integration',
  confirmed: true,
  notes: ['e must be the name of a goal of the campaign: give it in events.'],
  outbound: {
    urlTemplate: 'https://a.mgid.com/postback?c={partner_click_id}&e={event}&r={payout}',
    clickUrlParameter: 'partner_click_id={click_id}',
    rendered: 'https://a.mgid.com/postback?c=p-click-9&e=sale&r=2.5',
  },
};
