/** RevContent: conversions by rc_uuid. */
import type { Network } from '../network.ts';

export const revcontent: Network = {
  key: 'revcontent',
  name: 'RevContent',
  kind: 'traffic_source',
  source: 'a public server tag of stape-io',
  confirmed: false,
  notes: ['The address and rc_uuid were read in the tag; amount is from memory.'],
  outbound: {
    urlTemplate:
      'https://trends.revcontent.com/api/v1/conversion.php?rc_uuid={partner_click_id}&amount={revenue}',
    clickUrlParameter: 'partner_click_id={rc_uuid}',
    rendered: 'https://trends.revcontent.com/api/v1/conversion.php?rc_uuid=p-click-9&amount=12.34',
  },
};
