/** Post Affiliate Pro: macros with a dollar sign, statuses as one letter. */
import { CLICK_ID, type Network } from '../network.ts';

export const postAffiliatePro: Network = {
  key: 'post-affiliate-pro',
  name: 'Post Affiliate Pro',
  kind: 'affiliate_platform',
  source: 'from memory, no page was found',
  confirmed: false,
  inbound: {
    clickIdParameter: 'data1=',
    calls: [
      {
        reports: 'a commission, and each change of its status',
        method: 'GET',
        parameters:
          'click_id={$data1}&transaction_id={$orderid}&status={$status}&revenue={$commission}&currency={$currency}&product_id={$campaignid}',
        examples: [
          {
            title: 'a declined commission',
            macros: {
              '{$data1}': CLICK_ID,
              '{$orderid}': 'ORD-7',
              '{$status}': 'D',
              '{$commission}': '5.5',
              '{$currency}': 'USD',
              '{$campaignid}': '11111111',
            },
            expected: {
              eventType: 'sale',
              status: 'rejected',
              clickId: CLICK_ID,
              transactionId: 'ORD-7',
              revenueMicros: 5_500_000n,
              currency: 'USD',
              productId: '11111111',
            },
          },
        ],
      },
    ],
    profile: { defaultEventType: 'sale', statuses: { A: 'approved', P: 'pending', D: 'rejected' } },
  },
  outbound: {
    urlTemplate:
      'https://ACCOUNT.postaffiliatepro.com/scripts/sale.php?AccountId=default1&TotalCost={revenue}&OrderID={transaction_id}&visitorId={partner_click_id}',
    fillIn: { ACCOUNT: "the merchant's account" },
    clickUrlParameter: 'partner_click_id={$visitorid}',
    rendered:
      'https://ACCOUNT.postaffiliatepro.com/scripts/sale.php?AccountId=default1&TotalCost=12.34&OrderID=order-42&visitorId=p-click-9',
  },
};
