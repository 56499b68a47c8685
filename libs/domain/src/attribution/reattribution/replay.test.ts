/** A replay by the same rules comes to the same conversions, revision by revision; by other rules to what those would have made of the lane. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aClick, aRefund, aReport, clickIdOf, DAY_MS, NOON, rulesOf, TERMS } from '../attribution.fixture.ts';
import type { Conversion } from '../conversion.ts';
import { takesBack } from '../facts.ts';
import { FIRST_COME_OFFERS, HISTORIES, HISTORY_RULES } from '../histories.fixture.ts';
import { InMemoryLedger } from '../in-memory-ledger.ts';
import { reduce } from '../reducer.ts';
import type { Report } from '../report.ts';
import type { OfferTerms } from '../terms.ts';
import { NO_TIER_USE, withPosition } from '../tier-use.ts';
import { changedRules, sameRules, type TermsChange } from './changed-rules.ts';
import { changesOf, Difference } from './difference.ts';
import { AFTERWARDS, run } from './recorded-lane.fixture.ts';
import { replay } from './replay.ts';

const RUNS = Number(process.env['HISTORIES'] ?? 150);
const SEED = Number(process.env['HISTORY_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const parameters = { numRuns: RUNS, seed: SEED };
const ALWAYS = { from: 0, to: AFTERWARDS };

function byId(conversions: Iterable<Conversion>): Readonly<Record<string, Conversion>> {
  return Object.fromEntries(Array.from(conversions, (each) => [each.conversionId, each]));
}

describe('by the same rules', () => {
  it('every conversion is what it was, to the last field', () => {
    fc.assert(
      fc.property(HISTORIES, fc.integer(), (history, seed) => {
        const { ledger, recorded } = run(history, HISTORY_RULES, seed);
        const replayed = replay(
          recorded,
          sameRules(() => HISTORY_RULES),
          AFTERWARDS,
        );
        expect(byId(replayed.decided.values())).toEqual(byId(ledger.conversions));
        expect(replayed).toMatchObject({ asRecorded: recorded.revisions.length, otherwise: 0 });
      }),
      parameters,
    );
  });

  it('from any place in the log on, over conversions as they stood there', () => {
    fc.assert(
      fc.property(HISTORIES, fc.integer(), fc.nat(20), (history, seed, from) => {
        const { ledger, recorded } = run(history, HISTORY_RULES, seed);
        const isBefore = ({ decidedAt }: Conversion) => decidedAt.position.offset < from;
        const earlier = recorded.revisions.filter(isBefore);
        const before = Object.values(byId(earlier));
        const since = {
          ...recorded,
          before,
          postbacks: recorded.postbacks.slice(from),
          revisions: recorded.revisions.filter((each) => !isBefore(each)),
        };
        const replayed = replay(
          since,
          sameRules(() => HISTORY_RULES),
          AFTERWARDS,
          countersOf(earlier),
        );
        expect(byId([...before, ...replayed.decided.values()])).toEqual(byId(ledger.conversions));
        expect(replayed.otherwise).toBe(0);
      }),
      parameters,
    );
  });
});

function countersOf(revisions: readonly Conversion[]) {
  const latest = Object.values(byId(revisions));
  const caps = Map.groupBy(
    latest.flatMap(({ firstCome }) => [...firstCome.caps]),
    ({ key, periodStart }) => JSON.stringify([key, periodStart]),
  );
  const tiers = Map.groupBy(
    latest.flatMap(({ firstCome }) => [...firstCome.tiers]),
    ({ key, periodStart }) => JSON.stringify([key, periodStart]),
  );
  const counterOf = (name: string) => {
    const [key, periodStart] = JSON.parse(name) as [string, number];
    return { key, periodStart };
  };
  return {
    capUses: [...caps].map(([name, places]) => ({
      ...counterOf(name),
      use: {
        count: places.filter(({ isGranted }) => isGranted).length,
        payoutMicros: places.reduce((sum, { payoutMicros }) => sum + payoutMicros, 0n),
      },
    })),
    tierUses: [...tiers].map(([name, places]) => ({
      ...counterOf(name),
      use: places.map(({ position }) => position).reduce(withPosition, NO_TIER_USE),
    })),
  };
}

/** A sale and its refund, the send of the refund's decisions cut, and its batch decided again. */
function cutSend(hasArrived: (conversion: Conversion) => boolean) {
  const rules = rulesOf((offerId) => ({ ...TERMS, offerId }));
  const ledger = new InMemoryLedger(rules);
  const click = aClick();
  const reports = [aReport({ clickId: click.clickId }), aRefund(1, 1_000_000n)].map((report, offset) => ({
    ...report,
    position: { partition: 0, offset },
  }));
  const [sale, refund] = reports as [Report, Report];
  const revisions: Conversion[] = [];
  const decide = (report: Report, now: number, arrives: (conversion: Conversion) => boolean) => {
    const { position } = report;
    const at = { now, watermarkReached: false, laneReadUntil: 0, position, configurationVersion: 1 };
    const arrived = reduce(ledger, { kind: 'postback', report, at }).revisions.filter(arrives);
    ledger.apply({ judgement: null, revisions: arrived });
    revisions.push(...arrived);
  };
  ledger.showClick(click);
  decide(sale, NOON, () => true);
  decide(refund, NOON + 1, hasArrived);
  decide(refund, NOON + 2, () => true);
  const postbacks = reports.map((report) => ({ report, configurationVersion: 1 }));
  return { rules, ledger, recorded: { lane: 'acme', before: [], postbacks, revisions, clicks: [click] } };
}

describe('a send of which a part has arrived', () => {
  it.each([
    { name: 'the refund', hasArrived: takesBack },
    { name: 'the sale', hasArrived: (each: Conversion) => !takesBack(each) },
  ])('$name: each part at the instant it was decided at', ({ hasArrived }) => {
    const { rules, ledger, recorded } = cutSend(hasArrived);
    const replayed = replay(
      recorded,
      sameRules(() => rules),
      AFTERWARDS,
    );
    expect(recorded.revisions.map(({ decidedAt }) => decidedAt.now - NOON)).toEqual([0, 1, 2]);
    expect(byId(replayed.decided.values())).toEqual(byId(ledger.conversions));
    expect(replayed).toMatchObject({ asRecorded: 3, otherwise: 0 });
  });
});

describe('what no rules lead to', () => {
  it.each([
    { name: 'a payout by hand', change: { payout: { micros: 1n, currency: 'EUR' } } },
    { name: 'a click that nobody has', change: { winner: aClick({ clickId: clickIdOf(77) }) } },
  ])('$name is told, and not taken over', ({ change }) => {
    const { rules, ledger, recorded } = cutSend(() => true);
    const [first, ...rest] = recorded.revisions as [Conversion, ...Conversion[]];
    const tampered = { ...first, outcome: { ...first.outcome, ...change } };
    const lane = { ...recorded, revisions: [tampered, ...rest] };
    const { decided, otherwise } = replay(
      lane,
      sameRules(() => rules),
      AFTERWARDS,
    );
    expect(otherwise).toBeGreaterThan(0);
    expect(decided.get(first.conversionId)?.outcome).toEqual(ledger.conversion(first.conversionId)?.outcome);
  });
});

const CHANGES: readonly (readonly [string, TermsChange])[] = [
  ['model linear', (terms) => ({ ...terms, model: 'linear' })],
  ['model last_click', (terms) => ({ ...terms, model: 'last_click' })],
  ['a window of an hour', (terms) => ({ ...terms, window: { minMs: 0, maxMs: 3_600_000 } })],
  ['no payouts', (terms) => ({ ...terms, payouts: [] })],
];

function changedBy(change: TermsChange, period = ALWAYS) {
  return changedRules(() => HISTORY_RULES, { change, period, linksPersons: false });
}

/** What does not hang on when somebody looked. */
function decidedIn({ outcome, orders }: Conversion): object | null {
  const { match, state, credits, winner, payout, payoutParts, revenue } = outcome;
  // First-come places are those of another order; an order is given to a revision that may not have been.
  if (orders.reasonCodes.length > 0 || FIRST_COME_OFFERS.has(winner?.offerId ?? '')) return null;
  return { match, state, credits, winner: winner?.clickId, payout, payoutParts, revenue };
}

describe('by other rules', () => {
  it.each(CHANGES)('%s: what attribution would have made of it', (_name, change) => {
    fc.assert(
      fc.property(HISTORIES, fc.integer(), (history, seed) => {
        const { recorded } = run(history, HISTORY_RULES, seed);
        const wouldBe = run(history, changedBy(change).byVersion(1), seed).ledger;
        const isOrdered = recorded.revisions.some(({ orders }) => orders.reasonCodes.length > 0);
        fc.pre(!isOrdered);
        const { decided } = replay(recorded, changedBy(change), AFTERWARDS);
        for (const conversion of decided.values()) {
          const other = wouldBe.conversion(conversion.conversionId);
          const expected = other === undefined ? null : decidedIn(other);
          if (expected !== null && decidedIn(conversion) !== null)
            expect(decidedIn(conversion)).toEqual(expected);
        }
      }),
      parameters,
    );
  });

  it('outside of its period nothing changes', () => {
    fc.assert(
      fc.property(HISTORIES, fc.integer(), (history, seed) => {
        const { ledger, recorded } = run(history, HISTORY_RULES, seed);
        const rules = changedBy((terms) => ({ ...terms, payouts: [] }), { from: 0, to: NOON - 40 * DAY_MS });
        const { decided } = replay(recorded, rules, AFTERWARDS);
        expect(byId(decided.values())).toEqual(byId(ledger.conversions));
      }),
      { ...parameters, numRuns: 50 },
    );
  });

  it('the difference sums to zero over partners, for every conversion and in all', () => {
    let moved = 0;
    const linear = changedBy((terms) => ({ ...terms, model: 'linear' }));
    fc.assert(
      fc.property(HISTORIES, fc.integer(), (history, seed) => {
        const { ledger, recorded } = run(history, HISTORY_RULES, seed);
        const { decided } = replay(recorded, linear, AFTERWARDS);
        const difference = new Difference();
        for (const before of ledger.conversions) {
          const after = decided.get(before.conversionId);
          if (after === undefined) throw new Error('not decided again');
          difference.add({ before, after });
        }
        const { summary } = difference;
        moved += summary.moved;
        expect(summary.unbalanced).toBe(0);
        for (const sums of Map.groupBy(summary.partners, (each) => each.measure + each.currency).values())
          expect(sums.reduce((sum, each) => sum + each.moved, 0n)).toBe(0n);
      }),
      parameters,
    );
    expect(moved).toBeGreaterThan(0);
  });
});

describe('terms that were ordered', () => {
  it('are changed as those in force are', () => {
    const [first] = fc.sample(HISTORIES, { numRuns: 1, seed: 7 });
    if (first === undefined) throw new Error('no history');
    const { ledger, recorded } = run(first, HISTORY_RULES, 1);
    const subject = ledger.conversions.find(
      (each) => each.outcome.match === 'attributed' && !takesBack(each),
    );
    if (subject === undefined) throw new Error('nothing attributed');
    const ordered = { ...(HISTORY_RULES.terms('plain', 'sale', NOON) as OfferTerms), payouts: [] };
    const { decidedAt } = subject;
    const revision: Conversion = {
      ...subject,
      revision: subject.revision + 1,
      orders: {
        ...subject.orders,
        terms: { ...ordered, offerId: subject.outcome.winner?.offerId ?? '' },
        reasonCodes: ['ordered:by_hand'],
      },
      decidedAt: { ...decidedAt, trigger: 'command', now: AFTERWARDS },
    };
    const lane = { ...recorded, revisions: [...recorded.revisions, revision] };
    const { decided } = replay(
      lane,
      changedBy((terms) => ({ ...terms, halfLifeMs: 17 })),
      AFTERWARDS,
    );
    expect(decided.get(subject.conversionId)?.orders.terms).toMatchObject({ halfLifeMs: 17, payouts: [] });
    expect(changesOf({ before: subject, after: subject })).toEqual([]);
  });
});
