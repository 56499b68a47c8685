/** TrafficStars: the key in the URL is the account. */
import type { Network } from '../network.ts';

export const trafficstars: Network = {
  key: 'trafficstars',
  name: 'TrafficStars',
  kind: 'traffic_source',
  source: 'https://trafficstars.com/faq/articles/how-to-set-up-tracking-conversions',
  confirmed: true,
  outbound: {
    urlTemplate:
      'https://tsyndicate.com/api/v1/cpa/action?clickid={partner_click_id}&value={payout}&key={secret:postback_key}',
    secrets: { postback_key: 'key of the postback URL that Tracking Tools generates' },
    clickUrlParameter: 'partner_click_id={click_id}',
    rendered: 'https://tsyndicate.com/api/v1/cpa/action?clickid=p-click-9&value=2.5&key=POSTBACK_KEY',
  },
};
