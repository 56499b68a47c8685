/** Times as senders write them, in every format and zone, on both sides of a clock change. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readTime } from './read-time.ts';
import { TIME_FORMATS, type TimeFormat } from './source-profile.ts';

const isoOf = (text: string, formats: readonly TimeFormat[], zone: string | null = null) => {
  const instant = readTime(text, formats, zone);
  return instant === null ? null : new Date(instant).toISOString();
};

describe('a time', () => {
  it.each<[TimeFormat, string, string]>([
    ['iso8601', '2026-01-02T03:04:05Z', '2026-01-02T03:04:05.000Z'],
    ['iso8601', '2026-01-02', '2026-01-02T00:00:00.000Z'],
    ['iso8601', '2026-01-02 03:04:05 PST', '2026-01-02T11:04:05.000Z'],
    // A `+` that was not escaped in a form.
    ['iso8601', '2026-01-02T03:04:05 02:00', '2026-01-02T01:04:05.000Z'],
    ['iso8601', '2026-01-02T03:04:05,5+02', '2026-01-02T01:04:05.500Z'],
    ['iso8601_basic', '20260102T030405Z', '2026-01-02T03:04:05.000Z'],
    ['iso8601_basic', '20260102T030405.250+0200', '2026-01-02T01:04:05.250Z'],
    ['iso8601_basic', '20260102030405', '2026-01-02T03:04:05.000Z'],
    ['iso8601_basic', '20260102', '2026-01-02T00:00:00.000Z'],
    ['unix_seconds', '1767323045', '2026-01-02T03:04:05.000Z'],
    ['unix_seconds', '1767323045.2509', '2026-01-02T03:04:05.250Z'],
    ['unix_milliseconds', '1767323045250', '2026-01-02T03:04:05.250Z'],
    ['ymd_hms', '2026-01-02 03:04:05', '2026-01-02T03:04:05.000Z'],
    ['ymd_hms', '2026/1/2 3:04', '2026-01-02T03:04:00.000Z'],
    ['ymd_hms', '2026.01.02', '2026-01-02T00:00:00.000Z'],
    ['dmy_dots', '02.01.2026 03:04:05', '2026-01-02T03:04:05.000Z'],
    ['dmy_dots', '2.1.2026, 03:04', '2026-01-02T03:04:00.000Z'],
    ['dmy_slashes', '02/01/2026 03:04:05 EST', '2026-01-02T08:04:05.000Z'],
    ['mdy_slashes', '01/02/2026 3:04:05 PM', '2026-01-02T15:04:05.000Z'],
    ['mdy_slashes', '1/2/2026 12:00 am', '2026-01-02T00:00:00.000Z'],
    ['mdy_slashes', '1/2/2026 12:00 p.m.', '2026-01-02T12:00:00.000Z'],
    ['mdy_slashes', '1/2/2026 3:04 PM PDT', '2026-01-02T22:04:00.000Z'],
    ['rfc2822', 'Fri, 02 Jan 2026 03:04:05 +0000', '2026-01-02T03:04:05.000Z'],
    ['rfc2822', '2 JAN 2026 03:04 GMT', '2026-01-02T03:04:00.000Z'],
    ['rfc2822', 'Fri, 02 Jan 2026 03:04:05 -0530', '2026-01-02T08:34:05.000Z'],
  ])('%s: %s', (format, text, iso) => {
    expect(isoOf(text, [format])).toBe(iso);
  });

  it.each<[TimeFormat, string]>([
    ['iso8601', '2026-02-31'],
    ['iso8601', '2026-01-02T03:04:05 PM'],
    ['iso8601', '2026-01-02T03:04:05 XST'],
    ['iso8601_basic', '20260231'],
    ['iso8601_basic', '2026010203'],
    ['unix_seconds', '1767323045250'],
    ['unix_seconds', '-1'],
    ['unix_seconds', '1e9'],
    ['unix_milliseconds', '1767323045.5'],
    ['ymd_hms', '2026-01/02'],
    ['ymd_hms', '2026-01-02 25:00'],
    ['dmy_dots', '31.02.2026'],
    ['dmy_dots', '02.13.2026'],
    ['dmy_dots', '02.01.26'],
    ['mdy_slashes', '13/01/2026'],
    ['mdy_slashes', '1/2/2026 13:00 PM'],
    ['mdy_slashes', '1/2/2026 0:30 AM'],
    ['rfc2822', 'Fri, 02 Jän 2026 03:04:05 +0000'],
    ['rfc2822', 'Fri, 31 Feb 2026 03:04:05 +0000'],
  ])('%s has no %s', (format, text) => {
    expect(isoOf(text, [format])).toBeNull();
  });

  it('is what the first format that fits says', () => {
    expect(isoOf('01/02/2026', ['dmy_slashes', 'mdy_slashes'])).toBe('2026-02-01T00:00:00.000Z');
    expect(isoOf('01/02/2026', ['mdy_slashes', 'dmy_slashes'])).toBe('2026-01-02T00:00:00.000Z');
    expect(isoOf('13/01/2026', ['mdy_slashes', 'dmy_slashes'])).toBe('2026-01-13T00:00:00.000Z');
    expect(isoOf('1767323045250', ['unix_seconds', 'unix_milliseconds'])).toBe('2026-01-02T03:04:05.250Z');
  });

  it.each<[string, string, string]>([
    ['Europe/Vienna', '2026-01-02 12:00:00', '2026-01-02T11:00:00.000Z'],
    ['Europe/Vienna', '2025-07-02 12:00:00', '2025-07-02T10:00:00.000Z'],
    ['America/Los_Angeles', '2025-07-02', '2025-07-02T07:00:00.000Z'],
    ['Asia/Kolkata', '2025-07-02 00:00:00', '2025-07-01T18:30:00.000Z'],
    ['Pacific/Kiritimati', '2025-07-02 13:00:00', '2025-07-01T23:00:00.000Z'],
    // Skipped by the clock: as much later as was skipped.
    ['Europe/Vienna', '2025-03-30 01:59:59', '2025-03-30T00:59:59.000Z'],
    ['Europe/Vienna', '2025-03-30 02:00:00', '2025-03-30T01:00:00.000Z'],
    ['Europe/Vienna', '2025-03-30 02:30:00', '2025-03-30T01:30:00.000Z'],
    ['Europe/Vienna', '2025-03-30 03:00:00', '2025-03-30T01:00:00.000Z'],
    ['Pacific/Apia', '2011-12-30 12:00:00', '2011-12-30T22:00:00.000Z'],
    // Repeated by the clock: the first occurrence.
    ['Europe/Vienna', '2025-10-26 01:59:59', '2025-10-25T23:59:59.000Z'],
    ['Europe/Vienna', '2025-10-26 02:30:00', '2025-10-26T00:30:00.000Z'],
    ['Europe/Vienna', '2025-10-26 03:00:00', '2025-10-26T02:00:00.000Z'],
    ['Australia/Lord_Howe', '2025-04-06 01:45:00', '2025-04-05T14:45:00.000Z'],
    ['America/New_York', '2025-11-02 01:30:00', '2025-11-02T05:30:00.000Z'],
    // Named in the text, whatever the zone.
    ['Europe/Vienna', '2025-07-02 12:00:00Z', '2025-07-02T12:00:00.000Z'],
    ['Europe/Vienna', '2025-07-02 12:00:00 PST', '2025-07-02T20:00:00.000Z'],
  ])('of %s: %s', (zone, text, iso) => {
    expect(isoOf(text, ['iso8601'], zone)).toBe(iso);
  });

  const ZONES = [
    'Europe/Vienna',
    'America/New_York',
    'America/St_Johns',
    'Asia/Kathmandu',
    'Australia/Lord_Howe',
    'Africa/Casablanca',
    'Pacific/Chatham',
    'Pacific/Apia',
  ];
  const instant = fc.integer({ min: Date.UTC(2010, 0) / 1_000, max: Date.UTC(2035, 0) / 1_000 });
  /** The wall clock of a zone, as the platform shows it. */
  const localOf = (ms: number, zone: string) =>
    new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' }).format(ms);

  it('shows the clock it was read from, in whatever zone', () => {
    fc.assert(
      fc.property(instant, fc.constantFrom(...ZONES), (seconds, zone) => {
        const local = localOf(seconds * 1_000, zone);
        const read = readTime(local, ['iso8601'], zone) ?? Number.NaN;
        expect(localOf(read, zone)).toBe(local);
        // Later by what the clock was put back, where it shows the time twice; never another instant.
        expect([0, 1_800_000, 3_600_000, 86_400_000]).toContain(seconds * 1_000 - read);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps the order of a clock that goes forward', () => {
    fc.assert(
      fc.property(
        instant,
        fc.integer({ min: 0, max: 7_200 }),
        fc.constantFrom(...ZONES),
        (from, more, zone) => {
          const textOf = (seconds: number) => new Date(seconds * 1_000).toISOString().slice(0, 19);
          const at = (seconds: number) => readTime(textOf(seconds), ['iso8601'], zone) ?? Number.NaN;
          // Within a skipped hour times run beside those after it, so only what is further apart is ordered.
          expect(at(from + more + 90_000)).toBeGreaterThan(at(from));
        },
      ),
    );
  });

  it('never crashes, and refuses what is long at once', () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom('1', '0', '-', '/', '.', ':', ' ', 'T', 'Z') }),
    );
    fc.assert(
      fc.property(text, (sent) => {
        const read = readTime(sent, TIME_FORMATS, 'Europe/Vienna');
        expect(read === null || Number.isFinite(read)).toBe(true);
      }),
    );
    expect(readTime('1'.repeat(1e6), TIME_FORMATS, null)).toBeNull();
  });
});
