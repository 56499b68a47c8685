/** Advertizer: advertiser and key belong to the account. */
import type { Network } from '../network.ts';

export const advertizer: Network = {
  key: 'advertizer',
  name: 'Advertizer',
  kind: 'traffic_source',
  source: 'https://kintura.com/docs/presets/pairings/advertizer/trafficcompany',
  confirmed: true,
  notes: ['The page is that of a tracker.'],
  outbound: {
    urlTemplate:
      'http://postback.advertizer.com/pb.php?clickid={partner_click_id}&amount={payout}&advertiser_id=ADVERTISER_ID&key={secret:postback_key}',
    fillIn: { ADVERTISER_ID: 'number of the advertiser' },
    secrets: { postback_key: 'key of the postback URL in its panel' },
    clickUrlParameter: 'partner_click_id=[[subid]]',
    rendered:
      'http://postback.advertizer.com/pb.php?clickid=p-click-9&amount=2.5&advertiser_id=ADVERTISER_ID&key=POSTBACK_KEY',
  },
};
