/** Traffic Force: nothing but the click id. */
import type { Network } from '../network.ts';

export const trafficForce: Network = {
  key: 'traffic-force',
  name: 'Traffic Force',
  kind: 'traffic_source',
  source: 'https://kintura.com/docs/presets/pairings/traffic-force/clickbooth',
  confirmed: true,
  notes: ['The page is that of a tracker.'],
  outbound: {
    urlTemplate: 'http://delivery.trafficforce.com/conv.php?click_id={partner_click_id}',
    clickUrlParameter: 'partner_click_id={CLICK_ID}',
    rendered: 'http://delivery.trafficforce.com/conv.php?click_id=p-click-9',
  },
};
