/** Caps: which apply, where their periods begin and end, and that what does not fit whole does not fit. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CAP_PERIODS, type CapPeriod, type CapRule, capsOf, fitsCap, periodOf } from './caps.ts';

const at = (text: string) => Date.parse(text);

const cap = (changes: Partial<CapRule> = {}): CapRule => ({
  capId: 'shoes:daily',
  partnerId: null,
  isPerPartner: false,
  eventType: null,
  period: 'day',
  limit: { kind: 'count', count: 100 },
  ...changes,
});
const conversion = { partnerId: 'p-1', eventType: 'lead', occurredAt: at('2026-02-28T23:59:59.999Z') };

describe('periods', () => {
  it.each<[CapPeriod, string, string, string]>([
    ['hour', '2026-02-28T23:59:59.999Z', '2026-02-28T23:00:00Z', '2026-03-01T00:00:00Z'],
    ['hour', '2026-03-01T00:00:00Z', '2026-03-01T00:00:00Z', '2026-03-01T01:00:00Z'],
    ['day', '2026-02-28T23:59:59.999Z', '2026-02-28T00:00:00Z', '2026-03-01T00:00:00Z'],
    ['month', '2026-02-28T23:59:59.999Z', '2026-02-01T00:00:00Z', '2026-03-01T00:00:00Z'],
    ['month', '2028-02-29T12:00:00Z', '2028-02-01T00:00:00Z', '2028-03-01T00:00:00Z'],
    ['month', '2026-12-31T23:59:59.999Z', '2026-12-01T00:00:00Z', '2027-01-01T00:00:00Z'],
  ])('%s of %s', (period, instant, start, end) => {
    expect(periodOf(period, at(instant))).toEqual({ periodStart: at(start), periodEnd: at(end) });
  });

  it('total has no end', () => {
    expect(periodOf('total', at('2026-02-28T00:00:00Z'))).toEqual({ periodStart: 0, periodEnd: null });
  });

  it('hold their instant and meet without a gap', () => {
    const anyInstant = fc.integer({ min: 0, max: at('2100-01-01T00:00:00Z') });
    fc.assert(
      fc.property(anyInstant, fc.constantFrom(...CAP_PERIODS), (instant, period) => {
        const { periodStart, periodEnd } = periodOf(period, instant);
        expect(periodStart <= instant && instant < (periodEnd ?? Number.POSITIVE_INFINITY)).toBe(true);
        if (periodEnd === null) return;
        expect(periodOf(period, periodEnd - 1).periodStart).toBe(periodStart);
        expect(periodOf(period, periodEnd).periodStart).toBe(periodEnd);
      }),
    );
  });
});

describe('which caps apply', () => {
  it.each<[string, Partial<CapRule>, boolean]>([
    ['of everybody and everything', {}, true],
    ['of the partner', { partnerId: 'p-1' }, true],
    ['of another partner', { partnerId: 'p-2' }, false],
    ['of the event type', { eventType: 'lead' }, true],
    ['of another event type', { eventType: 'sale' }, false],
    ['of the partner and another event type', { partnerId: 'p-1', eventType: 'sale' }, false],
  ])('%s', (_name, changes, applies) => {
    expect(capsOf([cap(changes)], conversion).length).toBe(applies ? 1 : 0);
  });

  it('a conversion without a partner falls under the caps of everybody only', () => {
    const rules = [cap(), cap({ capId: 'shoes:p1', partnerId: 'p-1' })];
    expect(capsOf(rules, { ...conversion, partnerId: null }).map(({ capId }) => capId)).toEqual([
      'shoes:daily',
    ]);
  });

  it('says what is counted, where and against what', () => {
    expect(capsOf([cap({ partnerId: 'p-1', eventType: 'lead' })], conversion)).toEqual([
      {
        capId: 'shoes:daily',
        key: 'shoes:daily',
        partnerId: 'p-1',
        isPerPartner: false,
        eventType: 'lead',
        limit: { kind: 'count', count: 100 },
        periodStart: at('2026-02-28T00:00:00Z'),
        periodEnd: at('2026-03-01T00:00:00Z'),
      },
    ]);
  });

  it('counts each partner for itself where the cap says so', () => {
    const keyOf = (partnerId: string | null) =>
      capsOf([cap({ isPerPartner: true })], { ...conversion, partnerId })[0]?.key;
    expect(new Set([keyOf('p-1'), keyOf('p-2'), keyOf(null)]).size).toBe(3);
    expect(capsOf([cap({ isPerPartner: true })], conversion)[0]).toMatchObject({ partnerId: 'p-1' });
  });

  it('keeps the counter when the limit changes', () => {
    const [before, after] = [100, 200].map(
      (count) => capsOf([cap({ limit: { kind: 'count', count } })], conversion)[0],
    );
    expect(after?.key).toBe(before?.key);
  });
});

describe('whether one more fits', () => {
  const euros = (micros: bigint, currency = 'EUR') => ({ micros, currency });
  const payoutCap = { limit: { kind: 'payout', money: euros(100n) } } as const;

  it.each([
    [0, 1, true],
    [99, 100, true],
    [100, 100, false],
    [101, 100, false],
    [0, 0, false],
  ])('%i used of %i conversions', (count, limit, fits) => {
    expect(fitsCap({ limit: { kind: 'count', count: limit } }, { count, payoutMicros: 0n }, null)).toBe(fits);
  });

  it.each<[bigint, bigint | null, boolean]>([
    [0n, 100n, true],
    [0n, 101n, false],
    [60n, 40n, true],
    [60n, 41n, false],
    [100n, 1n, false],
    [100n, 0n, true],
    [120n, null, true],
  ])('%d micros used of 100 and a payout of %s', (payoutMicros, micros, fits) => {
    expect(fitsCap(payoutCap, { count: 5, payoutMicros }, micros === null ? null : euros(micros))).toBe(fits);
  });

  it('no payout in another currency', () => {
    expect(fitsCap(payoutCap, { count: 0, payoutMicros: 0n }, euros(1n, 'USD'))).toBe(false);
  });

  it('never lets the sum of what fitted exceed the limit', () => {
    const anyPayouts = fc.array(fc.bigInt({ min: 0n, max: 60n }), { maxLength: 20 });
    fc.assert(
      fc.property(anyPayouts, (payouts) => {
        let used = { count: 0, payoutMicros: 0n };
        for (const micros of payouts)
          if (fitsCap(payoutCap, used, euros(micros)))
            used = { count: used.count + 1, payoutMicros: used.payoutMicros + micros };
        expect(used.payoutMicros <= 100n).toBe(true);
      }),
    );
  });
});
