/** PopunderStore: one address, currency beside the revenue. */
import type { Network } from '../network.ts';

export const popunderStore: Network = {
  key: 'popunder-store',
  name: 'PopunderStore',
  kind: 'traffic_source',
  source: 'https://popunder.store/api_postback.php',
  confirmed: true,
  notes: ['It appends clickid= to our click URL: the campaign has to keep it as partner_click_id.'],
  outbound: {
    urlTemplate:
      'https://api.popunder.store/v1/postback.php?clickid={partner_click_id}&revenue={payout}&currency={currency}',
    clickUrlParameter: null,
    rendered: 'https://api.popunder.store/v1/postback.php?clickid=p-click-9&revenue=2.5&currency=USD',
  },
};
