/** The platform's own id of the click that led to a conversion. */
import type { AD_PLATFORM_PARAMETERS, AdPlatformId, OutwardConversion } from '@tributary/domain';

export type ClickIdName = (typeof AD_PLATFORM_PARAMETERS)[number];

/** Anybody can write a click id into a URL, and one that no platform would have made refuses a whole request. */
const CLICK_ID = /^[\x21-\x7e]{1,500}$/;

/**
 * The latest click id under the first of the names that has one, as it was captured: case kept, never hashed.
 *
 * `maxAgeMs`: for how long before the conversion the platform honours a click; an older one is none. Null where it does not
 * say.
 */
export function platformClickId(
  conversion: Pick<OutwardConversion, 'click' | 'occurredAt'>,
  names: readonly ClickIdName[],
  maxAgeMs: number | null = null,
): AdPlatformId | undefined {
  const usable = (conversion.click?.adPlatformIds ?? [])
    .filter(({ value }) => CLICK_ID.test(value))
    .filter(({ firstSeenAt }) => maxAgeMs === null || conversion.occurredAt - firstSeenAt <= maxAgeMs)
    .toSorted((a, b) => b.firstSeenAt - a.firstSeenAt);
  return names.map((name) => usable.find((id) => id.name === name)).find((id) => id !== undefined);
}
