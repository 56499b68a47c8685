/** PeerClick: one address for all accounts, by its click id. */
import type { Network } from '../network.ts';

export const peerclick: Network = {
  key: 'peerclick',
  name: 'PeerClick',
  kind: 'tracker',
  source: 'https://help-center.peerclick.com/en/articles/10512589',
  confirmed: true,
  notes: ['The page calls the values of status free: those here are ours. {clickid} is from memory.'],
  outbound: {
    urlTemplate:
      'https://pstb.peerclick.com/postback?cid={partner_click_id}&payout={payout}&status={status}&txid={conversion_id}&currency={currency}',
    statuses: { held: 'pending', payable: 'approved', reversed: 'rejected' },
    clickUrlParameter: 'partner_click_id={clickid}',
    rendered:
      'https://pstb.peerclick.com/postback?cid=p-click-9&payout=2.5&status=approved&txid=0b7c9a51-2f4e-8d63-9c1a-7e5d3b2f1a90&currency=USD',
  },
};
