/** Outbrain: the conversion name is case-sensitive; amount, order and currency beside it. */
import type { Network } from '../network.ts';

export const outbrain: Network = {
  key: 'outbrain',
  name: 'Outbrain',
  kind: 'traffic_source',
  source: 'https://www.outbrain.com/help/advertisers/server2server-integrations/',
  confirmed: true,
  notes: ['The parameters were read in public server tags that name the page, not on the page itself.'],
  outbound: {
    urlTemplate:
      'https://tr.outbrain.com/unifiedPixel?ob_click_id={partner_click_id}&name={event}&orderValue={revenue}&currency={currency}&orderId={transaction_id}',
    clickUrlParameter: 'partner_click_id={{ob_click_id}}',
    rendered:
      'https://tr.outbrain.com/unifiedPixel?ob_click_id=p-click-9&name=sale&orderValue=12.34&currency=USD&orderId=order-42',
  },
};
