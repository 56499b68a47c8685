/** CallRail: a call after it has ended; it counts from half a minute on. */
import { CLICK_ID, type Network } from '../network.ts';

export const callrail: Network = {
  key: 'callrail',
  name: 'CallRail',
  kind: 'call_tracking',
  source: 'https://support.callrail.com/hc/en-us/articles/5711246459149-Webhooks',
  confirmed: true,
  notes: [
    'Post-call webhook. Our click id travels as utm_content of the landing page, which CallRail keeps with the call.',
    'resource_id, duration, start_time and answered are on the page; utm_content is from memory.',
    'Thirty seconds is a usual term: take the one of the offer.',
  ],
  inbound: {
    clickIdParameter: 'utm_content=',
    calls: [
      {
        reports: 'a finished call: the post-call webhook',
        method: 'POST',
        parameters: '',
        examples: [
          {
            title: 'a call of 91 seconds',
            json: {
              resource_id: 'CAL8154748ae6bd4e278a7cddd38a662f4f',
              answered: true,
              call_type: 'first_call',
              direction: 'inbound',
              duration: 91,
              start_time: '2026-01-02T03:04:05.000-05:00',
              source_name: 'Landing page',
              utm_content: CLICK_ID,
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'CAL8154748ae6bd4e278a7cddd38a662f4f',
              occurredAt: Date.UTC(2026, 0, 2, 8, 4, 5),
            },
          },
          {
            title: 'a call that was too short',
            json: {
              resource_id: 'CAL2',
              answered: true,
              duration: 29,
              start_time: '2026-01-02T03:04:05.000-05:00',
              utm_content: CLICK_ID,
            },
            expected: { ignored: 'not_qualified' },
          },
        ],
      },
    ],
    profile: {
      aliases: {
        clickId: ['utm_content'],
        transactionId: ['resource_id'],
        occurredAt: ['start_time'],
        phone: ['customer_phone_number'],
      },
      constants: { eventType: 'lead' },
      qualifiesBy: { parameter: 'duration', atLeast: '30' },
    },
  },
};
