/** Kintura: one address for all accounts, by its cid. */
import type { Network } from '../network.ts';

export const kintura: Network = {
  key: 'kintura',
  name: 'Kintura',
  kind: 'tracker',
  source: 'https://kintura.com/docs/presets/pairings/taboola/m4trix',
  confirmed: true,
  outbound: {
    urlTemplate:
      'https://track.kintura.io/conversion?cid={partner_click_id}&payout={payout}&txid={conversion_id}',
    clickUrlParameter: 'partner_click_id={cid}',
    rendered:
      'https://track.kintura.io/conversion?cid=p-click-9&payout=2.5&txid=0b7c9a51-2f4e-8d63-9c1a-7e5d3b2f1a90',
  },
};
