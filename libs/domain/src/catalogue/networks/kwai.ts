/** Kwai: an event name per conversion, pixel and access token of the account. */
import { COMMUNITY, type Network } from '../network.ts';

export const kwai: Network = {
  key: 'kwai',
  name: 'Kwai for Business',
  kind: 'traffic_source',
  source: COMMUNITY,
  confirmed: false,
  notes: ['The names of the events are from memory.'],
  outbound: {
    urlTemplate:
      'http://www.adsnebula.com/log/common/api?clickid={partner_click_id}&event_name={event}&pixelId=PIXEL_ID&access_token={secret:access_token}',
    fillIn: { PIXEL_ID: 'number of the pixel' },
    secrets: { access_token: 'access token of the pixel' },
    events: { sale: 'EVENT_PURCHASE', first_purchase: 'EVENT_PURCHASE', lead: 'EVENT_FORM_SUBMIT' },
    clickUrlParameter: 'partner_click_id={click_id}',
    rendered:
      'http://www.adsnebula.com/log/common/api?clickid=p-click-9&event_name=EVENT_PURCHASE&pixelId=PIXEL_ID&access_token=ACCESS_TOKEN',
  },
};
