/** MyLead: macros in brackets, four stages of a lead. */
import { CLICK_ID, type Network } from '../network.ts';

export const mylead: Network = {
  key: 'mylead',
  name: 'MyLead',
  kind: 'affiliate_network',
  source: 'https://docs.bemob.com/en/mylead-settings',
  confirmed: true,
  notes: ['[currency] and the words of [status] are from a community list.'],
  inbound: {
    clickIdParameter: 'ml_sub1=',
    calls: [
      {
        reports: 'a conversion, and each change of its status',
        method: 'GET',
        parameters:
          'click_id=[ml_sub1]&transaction_id=[transaction_id]&status=[status]&revenue=[payout_decimal]&currency=[currency]',
        examples: [
          {
            title: 'a lead that is pre-approved',
            macros: {
              '[ml_sub1]': CLICK_ID,
              '[transaction_id]': 'f3a1',
              '[status]': 'pre_approved',
              '[payout_decimal]': '5.25',
              '[currency]': 'PLN',
            },
            expected: {
              eventType: 'lead',
              status: 'pending',
              clickId: CLICK_ID,
              transactionId: 'f3a1',
              revenueMicros: 5_250_000n,
              currency: 'PLN',
            },
          },
        ],
      },
    ],
    profile: {
      defaultEventType: 'lead',
      statuses: { pending: 'pending', pre_approved: 'pending', approved: 'approved', rejected: 'rejected' },
    },
  },
};
