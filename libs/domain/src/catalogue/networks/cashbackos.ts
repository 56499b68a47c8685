/** CashbackOS: cashback sites that take the status of a transaction in lower case. */
import type { Network } from '../network.ts';

export const cashbackos: Network = {
  key: 'cashbackos',
  name: 'CashbackOS',
  kind: 'affiliate_platform',
  source: 'https://enactsoft.com/resources/cashbackos-postback-setup',
  confirmed: true,
  notes: ['The page names the statuses confirmed and pending; declined is from memory.'],
  outbound: {
    urlTemplate:
      'https://DOMAIN/affport/postback?network_id=NETWORK_ID&transaction_id={conversion_id}&status={status}&sale_amount={revenue}&base_commission={payout}&currency={currency}&aff_sub1={partner_click_id}&order_id={transaction_id}&sale_date_unix={occurred_at|unix}',
    fillIn: { DOMAIN: "the site's API domain", NETWORK_ID: 'the number the site has given to us' },
    statuses: {
      pending: 'pending',
      held: 'pending',
      payable: 'confirmed',
      rejected: 'declined',
      reversed: 'declined',
    },
    clickUrlParameter: 'partner_click_id={aff_sub1}',
    rendered:
      'https://DOMAIN/affport/postback?network_id=NETWORK_ID&transaction_id=0b7c9a51-2f4e-8d63-9c1a-7e5d3b2f1a90&status=confirmed&sale_amount=12.34&base_commission=2.5&currency=USD&aff_sub1=p-click-9&order_id=order-42&sale_date_unix=1767319445',
  },
};
