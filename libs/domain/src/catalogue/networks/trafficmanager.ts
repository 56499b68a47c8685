/** TrafficManager: lead platform that takes the status of a lead by GET, in its own or in common words. */
import type { Network } from '../network.ts';

export const trafficmanager: Network = {
  key: 'trafficmanager',
  name: 'TrafficManager',
  kind: 'affiliate_platform',
  source: 'https://demo.trafficmanager.com/it/help/api/leads/status/put',
  confirmed: true,
  outbound: {
    urlTemplate:
      'https://postback.trafficman.io/lead/?lead={partner_click_id}&key={secret:advertiser_key}&status={status}',
    secrets: { advertiser_key: 'the key of the advertiser' },
    statuses: { held: 'pending', payable: 'confirmed', rejected: 'rejected', reversed: 'returned' },
    clickUrlParameter: 'partner_click_id={lead}',
    rendered: 'https://postback.trafficman.io/lead/?lead=p-click-9&key=ADVERTISER_KEY&status=confirmed',
  },
};
