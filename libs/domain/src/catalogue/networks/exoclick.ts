/** ExoClick: a goal of the account and its own click tag. */
import type { Network } from '../network.ts';

export const exoclick: Network = {
  key: 'exoclick',
  name: 'ExoClick',
  kind: 'traffic_source',
  source: 'https://docs.binom.org/conv-to-source.php',
  confirmed: false,
  notes: [
    'The token {conversions_tracking} is confirmed; the address is from public code, tag and value from memory.',
  ],
  outbound: {
    urlTemplate: 'https://s.magsrv.com/tag.php?goal=GOAL&tag={partner_click_id}&value={payout}',
    fillIn: { GOAL: 'the goal in the URL that its panel shows' },
    clickUrlParameter: 'partner_click_id={conversions_tracking}',
    rendered: 'https://s.magsrv.com/tag.php?goal=GOAL&tag=p-click-9&value=2.5',
  },
};
