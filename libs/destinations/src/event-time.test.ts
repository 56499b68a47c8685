/** Times: what may still, and what may already be sent. */
import { describe, expect, it } from 'vitest';
import { DAY_MS, eventTime, MINUTE_MS, timeProblems } from './event-time.ts';
import { SAMPLE_NOW, sampleConversion, sampleCorrection, sampleDelivery } from './sample.ts';

const rule = { field: 'time', source: 'x', maxAgeMs: 7 * DAY_MS, maxLeadMs: MINUTE_MS };

describe('timeProblems', () => {
  it.each([
    [-7 * DAY_MS, rule, []],
    [-7 * DAY_MS - 1, rule, ['too_old: older than 7 days']],
    [MINUTE_MS, rule, []],
    [MINUTE_MS + 1, rule, ['in_future: more than 1 minute ahead']],
    [DAY_MS, { ...rule, maxLeadMs: null }, []],
    [0, { ...rule, maxLeadMs: 0 }, []],
    [1, { ...rule, maxLeadMs: 0 }, ['in_future: lies ahead']],
    [-DAY_MS, { ...rule, maxAgeMs: 90 * MINUTE_MS }, ['too_old: older than 90 minutes']],
  ])('at %i ms', (offset, given, expected) => {
    const conversion = sampleConversion({ occurredAt: SAMPLE_NOW + offset });
    const problems = timeProblems({ conversion, now: SAMPLE_NOW }, given);
    expect(problems.map(({ code, message }) => `${code}: ${message}`)).toEqual(expected);
  });
});

describe('eventTime', () => {
  it('is when the conversion occurred, of a correction when it was decided', () => {
    expect(eventTime(sampleDelivery('Purchase'))).toBe(SAMPLE_NOW - 3_600_000);
    expect(eventTime(sampleCorrection('retract', 'Purchase'))).toBe(SAMPLE_NOW - 600_000);
  });
});
