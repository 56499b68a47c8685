/** How one source speaks: data, not code, so that a new dialect is a document and no release. */
import type { PostbackField, PostbackStatus } from './postback-fields.ts';

/** In which unit amounts come: `cents` is the currency's minor unit (1 JPY, 0.01 EUR, 0.001 KWD), `thousandths` 1/1000 of a unit. */
export const AMOUNT_UNITS = ['units', 'cents', 'thousandths'] as const;
export type AmountUnit = (typeof AMOUNT_UNITS)[number];

/**
 * How amounts are written.
 *
 * | format          | read                                                    | refused            |
 * |-----------------|---------------------------------------------------------|--------------------|
 * | `point`         | `1234.56`                                               | `1,234.56`, `12,5` |
 * | `point_grouped` | `1234.56`, `1,234.56`, `1 234.56`, `1'234.56`           | `12,5`, `1,23.4`   |
 * | `comma`         | `1234,56`, `1.234,56`, `1 234,56`, `1'234,56`, `12,5`   | `12.5`, `1.23,4`   |
 */
export const AMOUNT_FORMATS = ['point', 'point_grouped', 'comma'] as const;
export type AmountFormat = (typeof AMOUNT_FORMATS)[number];

/**
 * How times are written.
 *
 * | format              | example                                         |
 * |---------------------|-------------------------------------------------|
 * | `iso8601`           | `2026-01-02T03:04:05Z`, `2026-01-02`            |
 * | `iso8601_basic`     | `20260102T030405Z`, `20260102`                  |
 * | `unix_seconds`      | `1767323045`, `1767323045.250`                  |
 * | `unix_milliseconds` | `1767323045250`                                 |
 * | `ymd_hms`           | `2026-01-02 03:04:05`, `2026/01/02 03:04`       |
 * | `dmy_dots`          | `02.01.2026 03:04:05`, `2.1.2026`               |
 * | `dmy_slashes`       | `02/01/2026 03:04:05`                           |
 * | `mdy_slashes`       | `01/02/2026 03:04:05`, `1/2/2026 3:04 PM`       |
 * | `rfc2822`           | `Fri, 02 Jan 2026 03:04:05 +0000`               |
 */
export const TIME_FORMATS = [
  'iso8601',
  'iso8601_basic',
  'unix_seconds',
  'unix_milliseconds',
  'ymd_hms',
  'dmy_dots',
  'dmy_slashes',
  'mdy_slashes',
  'rfc2822',
] as const;
export type TimeFormat = (typeof TIME_FORMATS)[number];

export const CHARSETS = ['utf-8', 'windows-1251', 'windows-1252', 'iso-8859-1'] as const;
export type Charset = (typeof CHARSETS)[number];

/**
 * Where a value stands in a call. The exact name of a parameter goes first, whatever signs it holds; else a path of
 * segments: `order.total`, `data[click_id]`, `items[0].price`, `params[name=click_id].value`.
 */
export type ParameterPath = string;

export interface SourceProfile {
  /** Where the source puts a field of ours: parameter names or paths, the first one with a value wins; before our own names. */
  readonly aliases: Readonly<Partial<Record<PostbackField, readonly ParameterPath[]>>>;
  /** Value used for a field when the call carries none, e.g. `{ currency: 'USD', eventType: 'sale' }`. */
  readonly constants: Readonly<Partial<Record<PostbackField, string>>>;
  /** Our event type by the value sent (several values may map to one). Matched exactly first, then ignoring case. */
  readonly eventTypes: Readonly<Record<string, string>>;
  /** Event type from several parameters together: the first rule whose every parameter has that value (ignoring case) wins, before `eventTypes`. */
  readonly eventTypeRules: readonly EventTypeRule[];
  /** Incoming event types that are acknowledged and not counted: answered 200 `ignored`, recorded as refused with `ignored_by_profile`. */
  readonly ignoredEventTypes: readonly string[];
  /** The same for incoming statuses. */
  readonly ignoredStatuses: readonly string[];
  readonly statuses: Readonly<Record<string, PostbackStatus>>;
  /** Status of a call that names none; null is `approved`. */
  readonly defaultStatus: PostbackStatus | null;
  readonly amountUnit: AmountUnit;
  readonly amountFormat: AmountFormat;
  /** Whether a currency's symbol or code may stand in or beside the amount: `$12.50`, `12,50 €`, `USD 12.50`. */
  readonly amountCarriesCurrency: boolean;
  /**
   * ISO 4217 code by symbol or foreign word, before the standard symbols. A symbol that several currencies share ($, kr, ¥)
   * without an entry here means `defaultCurrency`, and without one is refused `currency_unknown`.
   */
  readonly currencies: Readonly<Record<string, string>>;
  readonly defaultEventType: string | null;
  readonly defaultCurrency: string | null;
  /** Revenue (decimal with a point, in units) when none was sent, by event type; needs a currency. */
  readonly defaultRevenue: Readonly<Record<string, string>>;
  /** Tried in this order, the first that fits wins. */
  readonly timeFormats: readonly TimeFormat[];
  /** IANA zone of times that name none; null is UTC. */
  readonly timeZone: string | null;
  /** Of query and body when the call names none. */
  readonly charset: Charset;
  /** Parameter whose value names the charset, before `charset`. */
  readonly charsetParameter: string | null;
  /** Values are percent-encoded twice: decoded once more where that gives well-formed text. */
  readonly isDoubleEncoded: boolean;
  /** A conversion counts only when a number is at least so much (a call of 30 s); otherwise it is acknowledged and ignored with `not_qualified`. */
  readonly qualifiesBy: { readonly parameter: ParameterPath; readonly atLeast: string } | null;
  /** Path of a list in the call: every element is one conversion, read together with the call's other parameters (element first). */
  readonly rowsAt: ParameterPath | null;
  /** Parameters kept as extras; everything else unknown is dropped. */
  readonly allowedExtras: readonly string[];
}

export interface EventTypeRule {
  readonly when: Readonly<Record<ParameterPath, string>>;
  readonly eventType: string;
}

/** The profile of a source that speaks our own dialect: every member at its default. */
export const STANDARD_PROFILE: SourceProfile = {
  aliases: {},
  constants: {},
  eventTypes: {},
  eventTypeRules: [],
  ignoredEventTypes: [],
  ignoredStatuses: [],
  statuses: {},
  defaultStatus: null,
  amountUnit: 'units',
  amountFormat: 'point',
  amountCarriesCurrency: false,
  currencies: {},
  defaultEventType: null,
  defaultCurrency: null,
  defaultRevenue: {},
  timeFormats: ['iso8601'],
  timeZone: null,
  charset: 'utf-8',
  charsetParameter: null,
  isDoubleEncoded: false,
  qualifiesBy: null,
  rowsAt: null,
  allowedExtras: [],
};

/** A profile as a document holds it: what is left out is at its default. */
export type WrittenProfile = { readonly [M in keyof SourceProfile]?: SourceProfile[M] | undefined };

/** The profile with every default filled in. */
export function completeProfile(written: WrittenProfile): SourceProfile {
  const given = Object.entries(written).filter(([, value]) => value !== undefined);
  return { ...STANDARD_PROFILE, ...Object.fromEntries(given) };
}

/** Whether the platform knows the rules of this IANA time zone. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
