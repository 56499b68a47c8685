/** A destination of each platform that is registered, pointed at its receiver in the sandbox, and what each can take back. */
import type { ReceiverName } from '../../apps/sandbox/src/received-calls.ts';

export interface SandboxedPlatform {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, string>>;
  /** Where the sandbox counts what comes. */
  readonly receiver: ReceiverName;
  /** The amount that the receiver is told. */
  readonly amount: 'revenue' | 'payout';
  /** `any`: a lower and a higher value, and a refund. `lower`: no higher value than the one it holds. `none`: nothing. */
  readonly corrects: 'any' | 'lower' | 'none';
}

/**
 * By the key of the definition.
 * @param sandboxUrl without a slash at its end.
 * @param n a digit: destinations of one platform with different digits have receivers of their own.
 */
export function sandboxedPlatforms(
  sandboxUrl: string,
  n: number,
): Readonly<Record<string, SandboxedPlatform>> {
  const baseUrl = sandboxUrl;
  const told = { amount: 'revenue', corrects: 'none' } as const;
  const partner = `${sandboxUrl}/partner/chain-${n}?click={partner_click_id}&conversion={conversion_id}&payout={payout}&currency={currency}&status={status}`;
  return {
    ga4: {
      ...told,
      corrects: 'lower',
      settings: { measurementId: `G-CHAIN${n}`, baseUrl },
      secrets: { apiSecret: 'ga4-api-secret' },
      receiver: { kind: 'ga4', name: `G-CHAIN${n}` },
    },
    'google-data-manager': {
      ...told,
      corrects: 'any',
      settings: {
        customerId: `100000000${n}`,
        events: { sale: `44455566${n}` },
        clientId: 'client.apps.googleusercontent.com',
        baseUrl,
        tokenBaseUrl: sandboxUrl,
      },
      secrets: { clientSecret: 'google-client-secret', refreshToken: '1//google-refresh-token' },
      receiver: { kind: 'google-data-manager', name: `100000000${n}` },
    },
    linkedin: {
      ...told,
      settings: { events: { sale: `10401${n}` }, baseUrl },
      secrets: { accessToken: 'linkedin-access-token' },
      receiver: { kind: 'linkedin', name: `10401${n}` },
    },
    meta: {
      ...told,
      settings: { pixelId: `123456789${n}`, baseUrl },
      secrets: { accessToken: 'meta-access-token' },
      receiver: { kind: 'meta', name: `123456789${n}` },
    },
    'microsoft-uet': {
      ...told,
      settings: { tagId: `18701234${n}`, baseUrl },
      secrets: { apiToken: 'microsoft-api-token' },
      receiver: { kind: 'microsoft-uet', name: `18701234${n}` },
    },
    'partner-postback': {
      amount: 'payout',
      corrects: 'any',
      settings: { urlTemplate: partner, statusUrlTemplate: partner },
      secrets: {},
      receiver: { kind: 'partner', name: `chain-${n}` },
    },
    pinterest: {
      ...told,
      settings: { adAccountId: `54975588517${n}`, baseUrl },
      secrets: { accessToken: 'pinterest-access-token' },
      receiver: { kind: 'pinterest', name: `54975588517${n}` },
    },
    reddit: {
      ...told,
      settings: { pixelId: `a2_chain${n}`, baseUrl },
      secrets: { accessToken: 'reddit-conversion-token' },
      receiver: { kind: 'reddit', name: `a2_chain${n}` },
    },
    snap: {
      ...told,
      settings: { pixelId: `4a018335-717f-41dd-a66e-58eb2473aa6${n}`, baseUrl },
      secrets: { accessToken: 'snap-access-token' },
      receiver: { kind: 'snap', name: `4a018335-717f-41dd-a66e-58eb2473aa6${n}` },
    },
    tiktok: {
      ...told,
      settings: { eventSourceId: `COQDA8RC77U2TMR44LI${n}`, baseUrl },
      secrets: { accessToken: 'tiktok-access-token' },
      receiver: { kind: 'tiktok', name: `COQDA8RC77U2TMR44LI${n}` },
    },
    webhook: {
      ...told,
      corrects: 'any',
      settings: { url: `${sandboxUrl}/webhook/chain-${n}` },
      secrets: { 'signingSecrets.current': 'whsec_ZXhhbXBsZS1zaWduaW5nLXNlY3JldC1vbmU=' },
      receiver: { kind: 'webhook', name: `chain-${n}` },
    },
    x: {
      ...told,
      settings: { pixelId: `chain${n}`, events: { sale: `tw-chain${n}-ol288` }, baseUrl },
      secrets: { pixelToken: 'x-pixel-token' },
      receiver: { kind: 'x', name: `chain${n}` },
    },
  };
}
