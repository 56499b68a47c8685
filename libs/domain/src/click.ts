/** The words of a click: ad-platform click ids, consent, and which query parameters carry them. */

/** An ad platform's own click id with the time it was first seen; opaque and case-sensitive, never trimmed, lowered or hashed. */
export interface AdPlatformId {
  /** The query parameter's name as the platform spells it, e.g. `fbclid`, `ScCid`. */
  readonly name: string;
  readonly value: string;
  /** Epoch milliseconds, UTC. */
  readonly firstSeenAt: number;
}

/** Click-id parameters of the ad platforms; source: each platform's conversion API documentation. */
export const AD_PLATFORM_PARAMETERS = [
  'fbclid',
  'gclid',
  'gbraid',
  'wbraid',
  'ttclid',
  'ScCid',
  'epik',
  'li_fat_id',
  'rdt_cid',
  'msclkid',
  'twclid',
] as const;

export const CONSENT_STATES = ['granted', 'denied', 'unknown'] as const;
export type ConsentState = (typeof CONSENT_STATES)[number];

/** What the person agreed to, as far as the sender told us. */
export interface Consent {
  readonly adUserData: ConsentState;
  readonly adPersonalization: ConsentState;
}

export const UNKNOWN_CONSENT: Consent = { adUserData: 'unknown', adPersonalization: 'unknown' };

/** Why a request looks as if no person had made it; it is answered and recorded all the same. */
export const AUTOMATIONS = ['bot', 'prefetch'] as const;
export type Automation = (typeof AUTOMATIONS)[number];

/** Whether a click id can be one of ours at all. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text);
}
