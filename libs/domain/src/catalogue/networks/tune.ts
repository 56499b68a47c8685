/** TUNE, formerly HasOffers: the platform of many CPA networks; only approved conversions are posted. */
import { CLICK_ID, type Network } from '../network.ts';

export const tune: Network = {
  key: 'tune',
  name: 'TUNE (HasOffers)',
  kind: 'affiliate_platform',
  source: 'https://docs.tracklysms.com/guides/offers/tune-integration',
  confirmed: true,
  notes: [
    '{aff_sub}, {payout} and aff_lsr with transaction_id were read; the other macros and parameters are from a summary of its help.',
    'Use aff_click_id= and {aff_click_id} where the network keeps aff_sub for itself.',
    'TUNE answers 200 also to a conversion that it did not take: the body must hold success=true;.',
  ],
  inbound: {
    clickIdParameter: 'aff_sub=',
    calls: [
      {
        reports: 'an approved conversion',
        method: 'GET',
        parameters:
          'click_id={aff_sub}&transaction_id={transaction_id}&revenue={payout}&currency={currency}&product_id={offer_id}',
        examples: [
          {
            title: 'an approved conversion',
            macros: {
              '{aff_sub}': CLICK_ID,
              '{transaction_id}': '102f4e1a9b8c7d6e5f4a3b2c1d0e9f',
              '{payout}': '2.50',
              '{currency}': 'USD',
              '{offer_id}': '1001',
            },
            expected: {
              eventType: 'lead',
              status: 'approved',
              clickId: CLICK_ID,
              transactionId: '102f4e1a9b8c7d6e5f4a3b2c1d0e9f',
              revenueMicros: 2_500_000n,
              currency: 'USD',
              productId: '1001',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'lead' },
  },
  outbound: {
    urlTemplate:
      'https://NETWORK_ID.go2cloud.org/aff_lsr?transaction_id={partner_click_id}&amount={revenue|default:0}&adv_sub={transaction_id}&status={status}&security_token={secret:security_token}',
    fillIn: { NETWORK_ID: 'first part of the postback URL that the network shows' },
    secrets: { security_token: 'the security token of the offer or of the advertiser' },
    statuses: {
      pending: 'pending',
      held: 'pending',
      payable: 'approved',
      rejected: 'rejected',
      reversed: 'rejected',
    },
    expectedBody: 'success=true;',
    clickUrlParameter: 'partner_click_id={transaction_id}',
    rendered:
      'https://NETWORK_ID.go2cloud.org/aff_lsr?transaction_id=p-click-9&amount=12.34&adv_sub=order-42&status=approved&security_token=SECURITY_TOKEN',
  },
};
