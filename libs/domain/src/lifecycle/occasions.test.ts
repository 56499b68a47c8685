/** What may become due in a window is found by class and time alone: no instant of a conversion is missed by the delays. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { aConversion, DAY_MS, day } from './lifecycle.fixture.ts';
import { delaysOf, instantsOf } from './occasions.ts';
import { type LifecycleRules, monthsAfter, type Period, STANDARD_LIFECYCLE_RULES } from './rules.ts';

const period: fc.Arbitrary<Period> = fc.oneof(
  fc.record({ days: fc.integer({ min: 1, max: 400 }) }),
  fc.record({ months: fc.integer({ min: 1, max: 24 }) }),
);
const someMs = fc.integer({ min: 1, max: 90 * DAY_MS });
const rules: fc.Arbitrary<LifecycleRules> = fc
  .record({
    activationWithinMs: someMs,
    renewalPeriod: period,
    renewalPeriodsByPlan: fc.record({ gold: period }),
    renewalNoticeMs: someMs,
    renewalGraceMs: someMs,
    winBackAfterChurnMs: someMs,
    winBackAfterSilenceMs: someMs,
  })
  .map((given) => ({ ...STANDARD_LIFECYCLE_RULES, ...given }));
const conversion = fc
  .record({
    eventClass: fc.constantFrom('lead', 'trial_start', 'purchase', 'subscription', 'renewal'),
    occurredAt: fc.integer({ min: day(0), max: day(800) }),
    planId: fc.constantFrom(null, 'gold', 'silver'),
  })
  .map(({ eventClass, occurredAt, planId }) => aConversion('c', eventClass, occurredAt, { planId }));

it('every instant of a conversion is one of the delays of its class after it occurred', () => {
  fc.assert(
    fc.property(conversion, rules, (given, inForce) => {
      const found = delaysOf(inForce)
        .filter(({ eventClass }) => eventClass === null || eventClass === given.eventClass)
        .map(({ months, afterMs }) => monthsAfter(given.occurredAt, months) + afterMs);
      expect(found).toEqual(expect.arrayContaining([...instantsOf(given, inForce)]));
    }),
  );
});
