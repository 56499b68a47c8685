/** Whatever comes first, twice or late: the same signals stand in the end, and each was sent once. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { CustomerConversion } from './customer.ts';
import { aConversion, aCustomer, DAY_MS, day, Outbox } from './lifecycle.fixture.ts';
import { instantsOf } from './occasions.ts';
import { type LifecycleRules, STANDARD_LIFECYCLE_RULES } from './rules.ts';

const CLASSES = [
  'lead',
  'trial_start',
  'activation_completed',
  'subscription',
  'renewal',
  'purchase',
  'subscription_cancelled',
];

const someDay = fc.integer({ min: 0, max: 480 }).map((quarters) => day(quarters / 4));
const payable = { state: 'payable', isConfirmed: true } as const;
const standing = fc.constantFrom(
  payable,
  payable,
  payable,
  payable,
  { state: 'held', isConfirmed: true } as const,
  { state: 'held', isConfirmed: false } as const,
  { state: 'pending', isConfirmed: false } as const,
  { state: 'rejected', isConfirmed: true } as const,
  { state: 'reversed', isConfirmed: true } as const,
);
const revision = fc.record({
  standing,
  occurredAt: someDay,
  productId: fc.constantFrom(null, null, 'a', 'b'),
  planId: fc.constantFrom(null, 'weekly'),
});

/** The revisions of one conversion, the first one first. */
const conversion = (id: string) =>
  fc
    .tuple(fc.constantFrom(...CLASSES), fc.array(revision, { minLength: 1, maxLength: 3 }))
    .map(([eventClass, revisions]) =>
      revisions.map(({ standing: stands, occurredAt, ...plan }, index) =>
        aConversion(id, eventClass, occurredAt, { ...stands, ...plan, revision: index + 1 }),
      ),
    );
const conversions = fc
  .integer({ min: 1, max: 5 })
  .chain((count) => fc.tuple(...Array.from({ length: count }, (_, index) => conversion(`c-${index}`))));

const days = (least: number, most: number) =>
  fc.integer({ min: least, max: most }).map((number) => number * DAY_MS);
const rules = fc.record<LifecycleRules>({
  worthActingForMs: days(20, 60),
  activationWithinMs: days(1, 10),
  renewalPeriod: fc.constantFrom({ months: 1 }, { days: 10 }),
  renewalPeriodsByPlan: fc.constant({ weekly: { days: 7 } }),
  renewalNoticeMs: days(0, 12),
  renewalGraceMs: days(0, 5),
  winBackAfterChurnMs: days(1, 20),
  winBackAfterSilenceMs: days(5, 60),
});

/** Every revision at least once, repeats, and looks at instants at which nothing came; at times that only grow. */
const history = conversions.chain((all) => {
  const revisions = all.flat();
  const arrivals: fc.Arbitrary<CustomerConversion | null>[] = [
    ...revisions.map((each) => fc.constant(each)),
    ...Array.from({ length: 6 }, () => fc.option(fc.constantFrom(...revisions))),
  ];
  return fc.record({
    latest: fc.constant(all.flatMap((each) => each.slice(-1))),
    arrivals: fc.tuple(...arrivals).chain((given) => fc.shuffledSubarray(given, { minLength: given.length })),
    times: fc
      .array(fc.integer({ min: 0, max: 150 * 24 }), {
        minLength: arrivals.length,
        maxLength: arrivals.length,
      })
      .map((hours) => hours.toSorted((a, b) => a - b).map((hour) => day(hour / 24))),
    waitMs: days(0, 60),
    rules,
  });
});

function idsOf(signals: readonly { readonly signalId: string }[]): string[] {
  return signals.map(({ signalId }) => signalId);
}

it('any arrival order and repetition ends with the same signals standing, each raised and withdrawn in turn', () => {
  const seen = { raised: 0, withdrawn: 0, standing: 0 };
  fc.assert(
    fc.property(history, ({ latest, arrivals, times, waitMs, rules: given }) => {
      const end = (times.at(-1) ?? 0) + waitMs;
      const outbox = new Outbox(given);
      const known = new Map<string, CustomerConversion>();
      for (const [index, arrival] of arrivals.entries()) {
        const before = arrival === null ? undefined : known.get(arrival.conversionId);
        if (arrival !== null && arrival.revision > (before?.revision ?? 0))
          known.set(arrival.conversionId, arrival);
        outbox.look(aCustomer(...known.values()), times[index] ?? 0);
      }
      outbox.look(aCustomer(...known.values()), end);

      const fresh = new Outbox(given);
      fresh.look(aCustomer(...latest), end);
      const raised = [...outbox.sent.values()].filter(({ phase }) => phase === 'raised');
      const unexpired = raised.filter(({ expiresAt }) => expiresAt === null || expiresAt > end);
      const expected = idsOf([...fresh.sent.values()]);
      // A signal keeps the expiry with which it was raised, so one that holds may have been raised with an earlier one.
      expect(idsOf(raised)).toEqual(expect.arrayContaining(expected));
      expect(expected).toEqual(expect.arrayContaining(idsOf(unexpired)));
      expect(outbox.look(aCustomer(...latest), end)).toEqual([]);

      for (const { phase } of outbox.log) seen[phase] += 1;
      seen.standing += expected.length;
    }),
    { numRuns: 2_000 },
  );
  // The histories are no formality.
  expect(seen.raised).toBeGreaterThan(2_000);
  expect(seen.withdrawn).toBeGreaterThan(200);
  expect(seen.standing).toBeGreaterThan(500);
});

it('between one look and the next instant it names nothing is due, and that instant is one of a conversion', () => {
  const rulesInForce = STANDARD_LIFECYCLE_RULES;
  let named = 0;
  fc.assert(
    fc.property(conversions, someDay, fc.integer({ min: 0, max: 99 }), (all, now, percent) => {
      const customer = aCustomer(...all.flatMap((each) => each.slice(-1)));
      const outbox = new Outbox(rulesInForce);
      outbox.look(customer, now);
      const nextAt = outbox.nextAt(customer, now);
      const between = Math.floor(now + (((nextAt ?? day(1_000)) - now) * percent) / 100);
      expect(outbox.look(customer, between)).toEqual([]);
      if (nextAt === null) return;
      named += 1;
      const instants = customer.conversions.flatMap((each) => instantsOf(each, rulesInForce));
      expect(instants).toContain(nextAt);
      expect(outbox.look(customer, nextAt)).not.toEqual([]);
    }),
    { numRuns: 2_000 },
  );
  expect(named).toBeGreaterThan(500);
});
