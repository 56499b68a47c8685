/** Local times of an IANA zone as instants, with the rules of the platform's own time-zone data. */

export interface LocalTime {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly millisecond: number;
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** 146,097 days, after which the Gregorian calendar repeats. */
const CALENDAR_CYCLE = { years: 400, ms: 146_097 * DAY_MS };

/**
 * Epoch milliseconds of a local time: by its own offset, else by the zone, else UTC.
 *
 * A local time that a clock change repeats is its first occurrence; one that a clock change skips is read with the offset
 * before the change, so it comes out as much later as was skipped (02:30 becomes 03:30). These are the answers of RFC 5545
 * and of `Temporal` ("compatible"): nothing is refused twice a year, and the order of a sender's times is kept.
 */
export function instantOf(local: LocalTime, offsetMinutes: number | null, zone: string | null): number {
  const asUtc = utcOf(local);
  if (offsetMinutes !== null) return asUtc - offsetMinutes * MINUTE_MS;
  if (zone === null) return asUtc;
  // No zone is further than a day from UTC, and none changes twice within two days.
  const before = offsetAt(asUtc - DAY_MS, zone);
  const after = offsetAt(asUtc + DAY_MS, zone);
  const early = asUtc - before;
  if (before === after || offsetAt(early, zone) === before) return early;
  const late = asUtc - after;
  return offsetAt(late, zone) === after ? late : early;
}

/** Date.UTC takes the years 0 to 99 for 1900 to 1999. */
function utcOf({ year, month, day, hour, minute, second, millisecond }: LocalTime): number {
  const shifted = Date.UTC(year + CALENDAR_CYCLE.years, month - 1, day, hour, minute, second, millisecond);
  return shifted - CALENDAR_CYCLE.ms;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(zone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(zone);
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formatters.set(zone, formatter);
  }
  return formatter;
}

/** Milliseconds that the zone is ahead of UTC at the instant. */
function offsetAt(instant: number, zone: string): number {
  const parts: Record<string, string> = {};
  for (const { type, value } of formatterOf(zone).formatToParts(instant)) parts[type] = value;
  const number = (name: string) => Number(parts[name]);
  const year = parts['era'] === 'BC' ? 1 - number('year') : number('year');
  const local = utcOf({
    year,
    month: number('month'),
    day: number('day'),
    hour: number('hour'),
    minute: number('minute'),
    second: number('second'),
    millisecond: 0,
  });
  return local - Math.floor(instant / 1_000) * 1_000;
}
