/** The demo's configuration, applied through console's API like any user's: one advertiser, one offer, two destinations in the sandbox. */

export const DEMO = {
  advertiserId: 'demo-shop',
  partnerId: 'demo-partner',
  offerId: 'demo-offer',
  campaignId: 'demo',
  sourceId: 'demo',
  partnerDestinationId: 'demo-partner-postback',
  metaDestinationId: 'demo-meta',
  /** The sandbox's receiver of each destination. */
  partnerReceiver: 'demo',
  pixelId: '1234567890',
  token: 'demo-source-token',
  currency: 'EUR',
} as const;

/** Payouts of the demo offer, from which the driver reckons what it expects. */
export const DEMO_PAYOUTS = {
  lead: { kind: 'fixed', amount: '2.50' },
  sale: { kind: 'percent', percent: '30' },
  renewal: { kind: 'percent', percent: '10' },
} as const;

/** A click that never comes is given up after this, short enough to watch. */
export const DEMO_PARKED_FOR_MS = 6_000;

interface Entity {
  readonly path: string;
  readonly document: Readonly<Record<string, unknown>>;
  readonly tokens?: readonly string[];
  readonly secrets?: Readonly<Record<string, string>>;
}

function demoEntities(sandboxUrl: string, parkedForMs: number): readonly Entity[] {
  const payouts = Object.entries(DEMO_PAYOUTS).map(([eventType, terms]) => ({
    eventType,
    ...terms,
    ...(terms.kind === 'fixed' && { currency: DEMO.currency }),
  }));
  const partnerUrl = `${sandboxUrl}/partner/${DEMO.partnerReceiver}?cid={partner_click_id}&event={event}&payout={payout}&currency={currency}&txid={transaction_id}&conversion={conversion_id}&token={secret:token}`;
  return [
    {
      path: `advertisers/${DEMO.advertiserId}`,
      document: { name: 'Demo shop', currency: DEMO.currency, parkedForMs },
    },
    { path: `partners/${DEMO.partnerId}`, document: { name: 'Demo partner' } },
    {
      path: `offers/${DEMO.offerId}`,
      document: { advertiserId: DEMO.advertiserId, name: 'Demo subscription', payouts },
    },
    {
      path: `campaigns/${DEMO.campaignId}`,
      document: {
        offerId: DEMO.offerId,
        partnerId: DEMO.partnerId,
        name: 'Demo campaign',
        landingUrl: `${sandboxUrl}/landing?click_id={click_id}&sub1={sub1}`,
        status: 'active',
      },
    },
    {
      path: `sources/${DEMO.sourceId}`,
      document: {
        advertiserId: DEMO.advertiserId,
        name: 'Demo shop backend',
        profile: { defaultCurrency: DEMO.currency },
      },
      tokens: [DEMO.token],
    },
    {
      path: `destinations/${DEMO.partnerDestinationId}`,
      document: {
        name: 'Demo partner postback',
        definition: 'partner-postback',
        partnerId: DEMO.partnerId,
        settings: { urlTemplate: partnerUrl },
        status: 'active',
      },
      secrets: { 'secrets.token': 'demo-partner-secret' },
    },
    {
      path: `destinations/${DEMO.metaDestinationId}`,
      document: {
        name: 'Demo Meta dataset',
        definition: 'meta',
        advertiserId: DEMO.advertiserId,
        settings: { pixelId: DEMO.pixelId, baseUrl: sandboxUrl },
        status: 'active',
      },
      secrets: { accessToken: 'demo-meta-access-token' },
    },
    { path: 'subscriptions/demo-to-partner', document: { destinationId: DEMO.partnerDestinationId } },
    { path: 'subscriptions/demo-to-meta', document: { destinationId: DEMO.metaDestinationId } },
  ];
}

/** Puts every entity that is not there as wanted. @throws Error with console's own words when it refuses one. */
export async function applyDemoConfiguration(
  consoleUrl: string,
  apiKey: string,
  sandboxUrl: string,
  parkedForMs = DEMO_PARKED_FOR_MS,
): Promise<void> {
  for (const { path, document, tokens, secrets } of demoEntities(sandboxUrl, parkedForMs)) {
    const response = await fetch(`${consoleUrl}/api/v1/${path}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ document: { id: path.split('/')[1], ...document }, tokens, secrets }),
    });
    if (!response.ok) throw new Error(`console refused ${path}: ${await response.text()}`);
  }
}
