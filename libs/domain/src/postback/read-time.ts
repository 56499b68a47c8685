/** Reads a time as a sender writes it: the formats of the profile in their order, in the zone that the text or the profile names. */
import type { TimeFormat } from './source-profile.ts';
import { instantOf, type LocalTime } from './time-zone.ts';

/** RFC 2822 with its day and zone has half of this. */
const MAX_TIME_LENGTH = 64;

/** A time read from text; without an offset it is local to the profile's zone. */
interface WrittenTime extends LocalTime {
  readonly offsetMinutes: number | null;
}

/**
 * Epoch milliseconds; null when no format fits. The first format that fits decides, so a text that is one date in two of
 * them (`01/02/2026`) is what the profile puts first. Fractions below a millisecond are cut off.
 */
export function readTime(text: string, formats: readonly TimeFormat[], zone: string | null): number | null {
  if (text.length > MAX_TIME_LENGTH) return null;
  for (const format of formats) {
    const instant = READERS[format](text, zone);
    if (instant !== null) return instant;
  }
  return null;
}

/** Epoch milliseconds of an ISO 8601 instant, UTC when it names no zone; null when it is none, including 31 February. */
export function parseInstant(text: string): number | null {
  return STRICT_INSTANT.test(text) ? readTime(text, ['iso8601'], null) : null;
}

const STRICT_INSTANT =
  /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/i;

const CLOCK = String.raw`(?<hour>\d{1,2}):(?<minute>\d{2})(?::(?<second>\d{2})(?:[.,](?<fraction>\d{1,9}))?)?`;
const HALF = String.raw`(?: ?(?<half>[AP])\.?M\.?)?`;
/**
 * A blank before an offset without a sign is what form decoding makes of an unescaped `+`; nothing else can stand there.
 */
const ZONE = String.raw`(?: ?(?<zone>Z|UTC|GMT|[ECMP][SD]T|[+-]\d{2}(?::?\d{2})?)| (?<offset>\d{2}:?\d{2}))?`;
const AFTER_DATE = `(?:(?:T|,? )${CLOCK}${HALF}${ZONE})?`;
const of = (date: string, after = AFTER_DATE) => new RegExp(`^${date}${after}$`, 'i');

const ISO8601 = of(String.raw`(?<year>\d{4})-(?<month>\d{2})-(?<day>\d{2})`, `(?:[T ]${CLOCK}${ZONE})?`);
const ISO8601_BASIC = of(
  String.raw`(?<year>\d{4})(?<month>\d{2})(?<day>\d{2})`,
  String.raw`(?:T?(?<hour>\d{2})(?<minute>\d{2})(?:(?<second>\d{2})(?:[.,](?<fraction>\d{1,9}))?)?${ZONE})?`,
);
const YMD = of(String.raw`(?<year>\d{4})(?<sign>[-/.])(?<month>\d{1,2})\k<sign>(?<day>\d{1,2})`);
const DMY_DOTS = of(String.raw`(?<day>\d{1,2})\.(?<month>\d{1,2})\.(?<year>\d{4})`);
const DMY_SLASHES = of(String.raw`(?<day>\d{1,2})/(?<month>\d{1,2})/(?<year>\d{4})`);
const MDY_SLASHES = of(String.raw`(?<month>\d{1,2})/(?<day>\d{1,2})/(?<year>\d{4})`);
const RFC2822 = of(
  String.raw`(?:[a-z]{3},? )?(?<day>\d{1,2})[ -](?<monthName>[a-z]{3})[ -](?<year>\d{4})`,
  ` ${CLOCK}${ZONE}`,
);
const UNIX_SECONDS = /^(\d{1,11})(?:\.(\d{1,9}))?$/;
const UNIX_MILLISECONDS = /^\d{1,15}$/;

const READERS: Readonly<Record<TimeFormat, (text: string, zone: string | null) => number | null>> = {
  iso8601: (text, zone) => utcInstant(text) ?? dated(ISO8601.exec(text), zone),
  iso8601_basic: (text, zone) => dated(ISO8601_BASIC.exec(text), zone),
  unix_seconds: secondsOf,
  unix_milliseconds: (text) => (UNIX_MILLISECONDS.test(text) ? Number(text) : null),
  ymd_hms: (text, zone) => dated(YMD.exec(text), zone),
  dmy_dots: (text, zone) => dated(DMY_DOTS.exec(text), zone),
  dmy_slashes: (text, zone) => dated(DMY_SLASHES.exec(text), zone),
  mdy_slashes: (text, zone) => dated(MDY_SLASHES.exec(text), zone),
  rfc2822: (text, zone) => dated(RFC2822.exec(text), zone),
};

const UTC_INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/;

/** What nearly every sender writes, read natively: a tenth of the time. It takes 31 February for 3 March, hence the second look. */
function utcInstant(text: string): number | null {
  if (!UTC_INSTANT.test(text)) return null;
  const instant = Date.parse(text);
  return new Date(instant).getUTCDate() === Number(text.slice(8, 10)) ? instant : null;
}

function secondsOf(text: string): number | null {
  const [, seconds, fraction = ''] = UNIX_SECONDS.exec(text) ?? [];
  return seconds === undefined ? null : Number(seconds) * 1_000 + millisecondsOf(fraction);
}

function millisecondsOf(fraction: string): number {
  return Number(fraction.slice(0, 3).padEnd(3, '0'));
}

function dated(match: RegExpExecArray | null, zone: string | null): number | null {
  const written = match?.groups === undefined ? null : writtenTime(match.groups);
  return written === null ? null : instantOf(written, written.offsetMinutes, zone);
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

function writtenTime(groups: Readonly<Record<string, string | undefined>>): WrittenTime | null {
  const number = (name: string) => Number(groups[name] ?? '0');
  const { monthName, half, zone, offset } = groups;
  const month = monthName === undefined ? number('month') : MONTHS.indexOf(monthName.toLowerCase()) + 1;
  const hour = half === undefined ? number('hour') : hourOfHalf(number('hour'), half);
  const offsetMinutes = offsetOf(zone, offset);
  if (hour === null || offsetMinutes === undefined) return null;
  const time = {
    year: number('year'),
    month,
    day: number('day'),
    hour,
    minute: number('minute'),
    second: number('second'),
    millisecond: millisecondsOf(groups['fraction'] ?? ''),
    offsetMinutes,
  };
  return isPossible(time) ? time : null;
}

function hourOfHalf(hour: number, half: string): number | null {
  if (hour < 1 || hour > 12) return null;
  return (hour % 12) + (half.toLowerCase() === 'p' ? 12 : 0);
}

/** Fixed, as RFC 2822 (4.3) gives them, whatever the season. */
const NAMED_OFFSETS: Readonly<Record<string, number>> = {
  Z: 0,
  UTC: 0,
  GMT: 0,
  EST: -300,
  EDT: -240,
  CST: -360,
  CDT: -300,
  MST: -420,
  MDT: -360,
  PST: -480,
  PDT: -420,
};

/** Minutes east of UTC; null where none is written, undefined where it is none. */
function offsetOf(zone: string | undefined, unsigned: string | undefined): number | null | undefined {
  const text = zone?.toUpperCase() ?? (unsigned === undefined ? undefined : `+${unsigned}`);
  if (text === undefined) return null;
  if (Object.hasOwn(NAMED_OFFSETS, text)) return NAMED_OFFSETS[text];
  const [hours, minutes] = [Number(text.slice(1, 3)), Number(text.slice(3).replace(':', '') || '0')];
  if (hours > 23 || minutes > 59) return undefined;
  return (text.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}

const DAYS_OF_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Whether the calendar and the clock have it; the end of a day may be written 24:00. */
function isPossible({ year, month, day, hour, minute, second, millisecond }: LocalTime): boolean {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = month === 2 && isLeap ? 29 : (DAYS_OF_MONTH[month - 1] ?? 0);
  const isMidnight = minute === 0 && second === 0 && millisecond === 0;
  const hasHour = hour < 24 || (hour === 24 && isMidnight);
  return day >= 1 && day <= days && hasHour && minute < 60 && second < 60;
}
