/** Taboola: the event name is case-sensitive and must exist in Realize. */
import type { Network } from '../network.ts';

export const taboola: Network = {
  key: 'taboola',
  name: 'Taboola',
  kind: 'traffic_source',
  source: 'https://developers.taboola.com/pixel/docs/the-postback-url',
  confirmed: true,
  notes: ['Click ids are case-sensitive and 66 characters or longer.'],
  outbound: {
    urlTemplate:
      'https://trc.taboola.com/actions-handler/log/3/s2s-action?click-id={partner_click_id}&name={event}&revenue={revenue}&currency={currency}&orderid={transaction_id}',
    clickUrlParameter: 'partner_click_id={click_id}',
    rendered:
      'https://trc.taboola.com/actions-handler/log/3/s2s-action?click-id=p-click-9&name=sale&revenue=12.34&currency=USD&orderid=order-42',
  },
};
