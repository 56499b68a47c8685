/** Dermoney: an offer wall with parameter names of its own, a reversal as status 2. */
import { CLICK_ID, type Network } from '../network.ts';

export const dermoney: Network = {
  key: 'dermoney',
  name: 'Dermoney',
  kind: 'affiliate_network',
  source: 'https://dermoney.com/documentation',
  confirmed: true,
  notes: [
    'reward is virtual currency and payout is in dollars, both without a sign: only status tells a reversal.',
    'A reversal comes under the id of its transaction: a later call is a change of the same fact.',
  ],
  inbound: {
    clickIdParameter: 'subId=',
    calls: [
      {
        reports: 'a finished offer, and its reversal',
        method: 'GET',
        parameters: '',
        examples: [
          {
            title: 'a finished offer',
            query: {
              subId: CLICK_ID,
              transId: 'tr-1',
              reward: '150',
              payout: '0.45',
              signature: '5d41402abc4b2a76b9719d911017c592',
              status: '1',
              userIp: '203.0.113.7',
              campaign_id: '812',
              country: 'ES',
              uuid: 'c-5',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'tr-1',
              revenueMicros: 450_000n,
              currency: 'USD',
              productId: '812',
              country: 'ES',
              ipAddress: '203.0.113.7',
            },
          },
          {
            title: 'the same offer, taken back',
            query: {
              subId: CLICK_ID,
              transId: 'tr-1',
              reward: '150',
              payout: '0.45',
              status: '2',
              campaign_id: '812',
            },
            expected: {
              eventType: 'lead',
              status: 'rejected',
              clickId: CLICK_ID,
              transactionId: 'tr-1',
              revenueMicros: 450_000n,
              currency: 'USD',
              productId: '812',
            },
          },
        ],
      },
    ],
    profile: {
      aliases: {
        clickId: ['subId'],
        transactionId: ['transId'],
        productId: ['campaign_id'],
        ipAddress: ['userIp'],
      },
      constants: { eventType: 'lead', currency: 'USD' },
      statuses: { '1': 'approved', '2': 'rejected' },
    },
  },
};
