/** Binom: a status per conversion in free words; takes conversions at click.php. */
import { CLICK_ID, type Network } from '../network.ts';

export const binom: Network = {
  key: 'binom',
  name: 'Binom',
  kind: 'tracker',
  source: 'https://docs.binom.org/conv-to-source-v2.php',
  confirmed: true,
  notes: [
    'The words of {cnv_status} are whatever the networks sent to Binom: map those in use in statuses. {payout} is from memory.',
  ],
  inbound: {
    clickIdParameter: 'external_id=',
    calls: [
      {
        reports: 'a conversion, and each change of its status',
        method: 'GET',
        parameters: 'click_id={externalid}&status={cnv_status}&revenue={payout}&currency={cnv_currency}',
        examples: [
          {
            title: 'a conversion on hold',
            macros: {
              '{externalid}': CLICK_ID,
              '{cnv_status}': 'Hold',
              '{payout}': '5',
              '{cnv_currency}': 'USD',
            },
            expected: {
              eventType: 'lead',
              status: 'pending',
              clickId: CLICK_ID,
              revenueMicros: 5_000_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: {
      defaultEventType: 'lead',
      statuses: {
        hold: 'pending',
        lead: 'pending',
        approve: 'approved',
        sale: 'approved',
        reject: 'rejected',
        trash: 'rejected',
      },
    },
  },
  outbound: {
    urlTemplate:
      'https://DOMAIN/click.php?cnv_id={partner_click_id}&payout={payout}&cnv_status={status}&cnv_currency={currency}',
    fillIn: { DOMAIN: 'the tracking domain of the account' },
    statuses: { held: 'hold', payable: 'approve', rejected: 'reject', reversed: 'reject' },
    clickUrlParameter: 'partner_click_id={clickid}',
    rendered: 'https://DOMAIN/click.php?cnv_id=p-click-9&payout=2.5&cnv_status=approve&cnv_currency=USD',
  },
};
