/** PartnerStack: JSON with the event's name outside and its data inside. */
import { CLICK_ID, type Network } from '../network.ts';

export const partnerstack: Network = {
  key: 'partnerstack',
  name: 'PartnerStack',
  kind: 'affiliate_platform',
  source: 'https://docs.partnerstack.com/docs/postbacks',
  confirmed: false,
  notes: [
    'Confirmed are POST, the members event and data, the event names and the test call. The members of data are from memory,',
    'and so is that amounts are in cents: compare the first reward with the panel before money depends on it.',
  ],
  inbound: {
    clickIdParameter: 'sid=',
    calls: [
      {
        reports: 'an event of the partner',
        method: 'POST',
        parameters: '',
        examples: [
          {
            title: 'a reward',
            json: {
              event: 'reward_created',
              data: {
                key: 'rwrd_1',
                customer_key: 'cus_9',
                amount: 1250,
                currency: 'USD',
                sub_ids: { sid1: CLICK_ID },
              },
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'rwrd_1',
              revenueMicros: 12_500_000n,
              currency: 'USD',
              customerId: 'cus_9',
            },
          },
          {
            title: 'the test call',
            json: { event: 'test', data: { message: 'Test postback' } },
            expected: { ignored: 'ignored_by_profile' },
          },
        ],
      },
    ],
    profile: {
      aliases: {
        clickId: ['data.sub_ids.sid1'],
        transactionId: ['data.key'],
        customerId: ['data.customer_key'],
        revenue: ['data.amount'],
        currency: ['data.currency'],
      },
      eventTypes: { reward_created: 'sale' },
      ignoredEventTypes: ['test', 'action_created', 'action_updated'],
      amountUnit: 'cents',
    },
  },
};
