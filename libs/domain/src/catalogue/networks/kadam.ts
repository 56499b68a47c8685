/** Kadam: the click id is called data. */
import type { Network } from '../network.ts';

export const kadam: Network = {
  key: 'kadam',
  name: 'Kadam',
  kind: 'traffic_source',
  source: 'https://wiki.kadam.net/en/index.php?oldid=6742&title=Configuring_postback_for_CPA',
  confirmed: true,
  notes: [
    '{click_id}, the address and data are confirmed; cost and status are from a community list, the words of the status from memory.',
  ],
  outbound: {
    urlTemplate: 'https://kdtrk.net/ru/postback/?data={partner_click_id}&cost={payout}&status={status}',
    statuses: { held: 'hold', pending: 'hold', payable: 'approved', reversed: 'rejected' },
    clickUrlParameter: 'partner_click_id={click_id}',
    rendered: 'https://kdtrk.net/ru/postback/?data=p-click-9&cost=2.5&status=approved',
  },
};
