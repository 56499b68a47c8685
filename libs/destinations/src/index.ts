/** The registry of destinations: every platform we can send to, one definition each. */
import type { DestinationDefinition } from './definition.ts';
import { ga4 } from './ga4.ts';
import { googleDataManager } from './google-data-manager.ts';
import { linkedin } from './linkedin.ts';
import { meta } from './meta.ts';
import { microsoftUet } from './microsoft-uet.ts';
import { partnerPostback } from './partner-postback.ts';
import { pinterest } from './pinterest.ts';
import { reddit } from './reddit.ts';
import { snap } from './snap.ts';
import { tiktok } from './tiktok.ts';
import { webhook } from './webhook.ts';
import { x } from './x.ts';

export * from './age-limit.ts';
export * from './batching.ts';
export * from './conformance.ts';
export * from './correction.ts';
export * from './credential.ts';
export * from './definition.ts';
export * from './follow-up.ts';
export * from './outward-request.ts';
export * from './redact.ts';
export * from './sample.ts';
export * from './settings.ts';

/** Every definition; a new one is added here and nowhere else. */
export const DESTINATIONS: readonly DestinationDefinition[] = [
  ga4,
  googleDataManager,
  linkedin,
  meta,
  microsoftUet,
  partnerPostback,
  pinterest,
  reddit,
  snap,
  tiktok,
  webhook,
  x,
];

/** The definition with this key, or null: keys come from configuration, where one may be newer than this process. */
export function destinationFor(key: string): DestinationDefinition | null {
  return DESTINATIONS.find((definition) => definition.key === key) ?? null;
}
