/** When a period that was paid for ends. */
import { describe, expect, it } from 'vitest';
import { endOfPeriod, type Period, STANDARD_LIFECYCLE_RULES } from './rules.ts';

const at = (text: string) => Date.parse(text);

describe('a period', () => {
  it.each<[string, Period, string]>([
    ['2026-01-15T10:30:00.123Z', { months: 1 }, '2026-02-15T10:30:00.123Z'],
    ['2026-01-31T23:59:59.999Z', { months: 1 }, '2026-02-28T23:59:59.999Z'],
    ['2028-01-31T00:00:00.000Z', { months: 1 }, '2028-02-29T00:00:00.000Z'],
    ['2026-03-31T00:00:00.000Z', { months: 1 }, '2026-04-30T00:00:00.000Z'],
    ['2026-11-30T12:00:00.000Z', { months: 3 }, '2027-02-28T12:00:00.000Z'],
    ['2028-02-29T12:00:00.000Z', { months: 12 }, '2029-02-28T12:00:00.000Z'],
    ['1969-12-31T06:00:00.000Z', { months: 1 }, '1970-01-31T06:00:00.000Z'],
    ['2026-01-31T10:00:00.000Z', { days: 7 }, '2026-02-07T10:00:00.000Z'],
  ])('that was paid at %s, of %j, ends at %s', (paidAt, renewalPeriod, end) => {
    expect(endOfPeriod(at(paidAt), null, { ...STANDARD_LIFECYCLE_RULES, renewalPeriod })).toBe(at(end));
  });

  it.each([
    ['annual', '2027-01-15T00:00:00.000Z'],
    ['trial', '2026-02-15T00:00:00.000Z'],
    ['constructor', '2026-02-15T00:00:00.000Z'],
    [null, '2026-02-15T00:00:00.000Z'],
  ])('of the plan %s ends at %s', (planId, end) => {
    const rules = { ...STANDARD_LIFECYCLE_RULES, renewalPeriodsByPlan: { annual: { months: 12 } } };
    expect(endOfPeriod(at('2026-01-15T00:00:00.000Z'), planId, rules)).toBe(at(end));
  });
});
