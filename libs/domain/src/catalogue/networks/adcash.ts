/** Adcash: advertiser and campaign as numbers. */
import { COMMUNITY, type Network } from '../network.ts';

export const adcash: Network = {
  key: 'adcash',
  name: 'Adcash',
  kind: 'traffic_source',
  source: COMMUNITY,
  confirmed: false,
  outbound: {
    urlTemplate:
      'https://www.pixelhere.com/et/event.php?advertiser=ADVERTISER_ID&cid={partner_click_id}&id=EVENT_ID',
    fillIn: { ADVERTISER_ID: 'number of the advertiser', EVENT_ID: 'id of the event in its panel' },
    clickUrlParameter: 'partner_click_id=[clickid]',
    rendered: 'https://www.pixelhere.com/et/event.php?advertiser=ADVERTISER_ID&cid=p-click-9&id=EVENT_ID',
  },
};
