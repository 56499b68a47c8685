/** AdsEmpire: dating offers; the type of the conversion says lead or sale. */
import { CLICK_ID, COMMUNITY, type Network } from '../network.ts';

export const adsempire: Network = {
  key: 'adsempire',
  name: 'AdsEmpire',
  kind: 'affiliate_network',
  source: COMMUNITY,
  confirmed: false,
  inbound: {
    clickIdParameter: 'clickid=',
    calls: [
      {
        reports: 'a conversion',
        method: 'GET',
        parameters:
          'click_id={clickid}&event_type={conversionType}&transaction_id={tds_cid}&revenue={payout}&currency={currency}',
        examples: [
          {
            title: 'a confirmed sale',
            macros: {
              '{clickid}': CLICK_ID,
              '{conversionType}': 'confirm',
              '{tds_cid}': 't-1',
              '{payout}': '30',
              '{currency}': 'USD',
            },
            expected: {
              eventType: 'sale',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 't-1',
              revenueMicros: 30_000_000n,
              currency: 'USD',
            },
          },
          {
            title: 'a lead',
            macros: {
              '{clickid}': CLICK_ID,
              '{conversionType}': 'lead',
              '{tds_cid}': 't-1',
              '{payout}': '2',
              '{currency}': 'USD',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: 't-1',
              revenueMicros: 2_000_000n,
              currency: 'USD',
            },
          },
        ],
      },
    ],
    profile: { eventTypes: { lead: 'lead', install: 'install', sale: 'sale', confirm: 'sale' } },
  },
};
