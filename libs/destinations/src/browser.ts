/** What is known of the person's browser: address, user agent, page and the ids that pages keep in cookies. */
import { hashIdentifier, type OutwardConversion } from '@tributary/domain';

/** The user agent of the postback, else the click's. */
export function userAgent({ userAgent: reported, click }: OutwardConversion): string | undefined {
  return reported ?? click?.userAgent ?? undefined;
}

/** The address in clear, for platforms that ask for it so; it is hidden in every record. */
export function ipAddress({ ipAddress: address }: OutwardConversion): string | undefined {
  return address ?? undefined;
}

/** SHA-256 of the address, for platforms that take it hashed. */
export function hashedIpAddress({ ipAddress: address }: OutwardConversion): string | undefined {
  return address === null ? undefined : (hashIdentifier(address) ?? undefined);
}

/** The page of the conversion as the extra `event_source_url` names it, else the landing page; http and https only. */
export function pageUrl({ extras, click }: OutwardConversion): string | undefined {
  const url = extras['event_source_url'] ?? click?.landingUrl ?? '';
  return /^https?:\/\//i.test(url) && URL.canParse(url) ? url : undefined;
}

/**
 * Ids that a platform's script keeps in a cookie, by the extra in which the page passes them on.
 *
 * | extra           | cookie         | platform                                                          |
 * |-----------------|----------------|-------------------------------------------------------------------|
 * | `fbp`           | `_fbp`         | Meta, with what its parameter builder appends                     |
 * | `ttp`           | `_ttp`         | TikTok                                                            |
 * | `ga_client_id`  | `_ga`          | Google Analytics: whole (`GA1.1.123.456`) or its last two parts   |
 * | `ga_session_id` | `_ga_<stream>` | Google Analytics: whole, or its third part, the session           |
 * | `scid`          | `_scid`        | Snap                                                              |
 * | `rdt_uuid`      | `_rdt_uuid`    | Reddit: a UUID, after a time; anything else refuses a whole batch |
 * | `uetvid`        | `_uetvid`      | Microsoft                                                         |
 */
const BROWSER_IDS = {
  fbp: /^fb\.\d\.\d+\.\d+(?:\.[\w-]{2,8})?$/,
  ttp: /^[\w.-]{1,100}$/,
  ga_client_id: /^(?:GA1\.\d\.)?\d{1,20}\.\d{1,20}$/,
  ga_session_id: /^(?:GS\d\.\d\.)?s?\d{1,20}(?:[.$][\w.$]{0,200})?$/,
  scid: /^[\w.-]{1,100}$/,
  rdt_uuid: /^(?:\d{1,20}\.)?[\da-f]{8}-[\da-f]{4}-[1-5][\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/i,
  uetvid: /^[\da-f-]{32,36}$/i,
} as const;
export type BrowserId = keyof typeof BROWSER_IDS;

/** The id of the browser when the page sent one of the platform's shape; passed on unchanged and never made up. */
export function browserId({ extras }: OutwardConversion, name: BrowserId): string | undefined {
  const value = extras[name] ?? '';
  return BROWSER_IDS[name].test(value) ? value : undefined;
}
