/** Ringba: pixels with tokens in brackets and colons; the length of the call decides. */
import { CLICK_ID, type Network } from '../network.ts';

export const ringba: Network = {
  key: 'ringba',
  name: 'Ringba',
  kind: 'call_tracking',
  source: 'https://support.ringba.com/hc/en-us/articles/17993303467799-Most-Common-Tokens',
  confirmed: true,
  notes: [
    'Fire the pixel on Finalized. Our click id is a URL parameter of the campaign, kept as a tag of the user.',
    '[tag:User:click_id] and [tag:CallLength:Total] are from memory: choose both from its list of tokens.',
    'Leave the tokens of the caller out: they are phone numbers.',
  ],
  inbound: {
    clickIdParameter: 'click_id=',
    calls: [
      {
        reports: 'a call that has ended',
        method: 'GET',
        parameters:
          'click_id=[tag:User:click_id]&transaction_id=[Call:InboundCallId]&revenue=[Call:ConversionPayout]&duration=[tag:CallLength:Total]',
        examples: [
          {
            title: 'a call of two minutes',
            macros: {
              '[tag:User:click_id]': CLICK_ID,
              '[Call:InboundCallId]': 'RGB4D2A8F1',
              '[Call:ConversionPayout]': '25.00',
              '[tag:CallLength:Total]': '120',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 'RGB4D2A8F1',
              revenueMicros: 25_000_000n,
              currency: 'USD',
            },
          },
          {
            title: 'a call that was too short',
            macros: {
              '[tag:User:click_id]': CLICK_ID,
              '[Call:InboundCallId]': 'RGB4D2A8F2',
              '[Call:ConversionPayout]': '0',
              '[tag:CallLength:Total]': '12',
            },
            expected: { ignored: 'not_qualified' },
          },
        ],
      },
    ],
    profile: {
      defaultEventType: 'lead',
      defaultCurrency: 'USD',
      qualifiesBy: { parameter: 'duration', atLeast: '30' },
    },
  },
};
