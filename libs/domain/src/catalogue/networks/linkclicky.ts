/** LinkClicky: commission and sale amount in one call, times in seconds. */
import type { Network } from '../network.ts';

export const linkclicky: Network = {
  key: 'linkclicky',
  name: 'LinkClicky',
  kind: 'tracker',
  source: 'https://linkclicky.com/support/setup-postback/',
  confirmed: true,
  notes: ['{trackid} as its token is from memory.'],
  outbound: {
    urlTemplate:
      'https://DOMAIN/event/?trackid={partner_click_id}&com={payout}&val={revenue}&time={occurred_at|unix}&type={event}',
    fillIn: { DOMAIN: 'the domain of the installation' },
    events: {
      sale: 'conversion',
      first_purchase: 'conversion',
      renewal: 'conversion',
      lead: 'lead',
      chargeback: 'chargeback',
      refund: 'chargeback',
    },
    clickUrlParameter: 'partner_click_id={trackid}',
    rendered: 'https://DOMAIN/event/?trackid=p-click-9&com=2.5&val=12.34&time=1767319445&type=conversion',
  },
};
