/** What a replay would mean, as a table; and that no history has a second one of what was safe. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Holding, OutwardValue } from './holding.ts';
import { begun, endedAs, nextTry, repeated, withdrawn } from './holding-changes.ts';
import type { Wish } from './outward-step.ts';
import {
  appraiseReplay,
  isReplayable,
  type NamedHolding,
  REPLAY_RISKS,
  type ReplayAppraisal,
  type ReplayCase,
  replayClassOf,
  wishOfState,
} from './replay.ts';

const DAY_MS = 86_400_000;
const TOLD_AT = Date.UTC(2026, 0, 2);
const HOLDING_ID = 'the event';
const CORRECTION_ID = 'its correction';

function value(units: number, state: OutwardValue['state'] = 'payable'): OutwardValue {
  return { amounts: { revenue: { micros: BigInt(units), currency: 'EUR' }, payout: null }, state };
}

const tell = (units: number, isAskedFor = true): Wish => ({ kind: 'tell', value: value(units), isAskedFor });
const nothing: Wish = { kind: 'nothing', state: 'rejected' };
const undecided: Wish = { kind: 'undecided' };

function named(holding: Holding, deliveryId = HOLDING_ID): NamedHolding {
  return { ...holding, holdingId: HOLDING_ID, deliveryId };
}

const intended = begun(null, { kind: 'event', revision: 1, told: value(10) });
const dead = named(endedAs(intended, 'dead', false));
const doubtful = named(endedAs(intended, 'dead', true));
const delivered = named(endedAs(intended, 'delivered', false));
const restating = begun(delivered, { kind: 'restate', revision: 2, told: value(7) });
const deadCorrection = named(endedAs(restating, 'dead', false), CORRECTION_ID);
const retracting = begun(delivered, { kind: 'retract', revision: 2, told: value(0, 'rejected') });
const deadRetraction = named(endedAs(retracting, 'refused', false), CORRECTION_ID);

const ACTIVE = {
  kind: 'active',
  tells: { amounts: ['revenue'], state: false },
  takenUntil: TOLD_AT + 7 * DAY_MS,
  dedupWindowMs: 2 * DAY_MS,
} as const;

function appraised(changes: Partial<ReplayCase>): ReplayAppraisal {
  return appraiseReplay({
    letter: { deliveryId: HOLDING_ID, attempt: 1 },
    holding: dead,
    wish: tell(10),
    isErased: false,
    toldAt: TOLD_AT,
    destination: ACTIVE,
    now: TOLD_AT + DAY_MS,
    ...changes,
  });
}

const correction = { deliveryId: CORRECTION_ID, attempt: 2 };

describe('appraiseReplay', () => {
  it.each<[string, Partial<ReplayCase>, string]>([
    ['surely did not arrive', {}, 'safe'],
    ['refused', { holding: named(endedAs(intended, 'refused', false)) }, 'safe'],
    ['may have arrived, within the window', { holding: doubtful }, 'safe'],
    ['may have arrived, as the window ends', { holding: doubtful, now: TOLD_AT + 2 * DAY_MS }, 'safe'],
    [
      'may have arrived, the window has passed',
      { holding: doubtful, now: TOLD_AT + 2 * DAY_MS + 1 },
      'would_double_count',
    ],
    [
      'may have arrived where nobody promises anything',
      { holding: doubtful, destination: { ...ACTIVE, dedupWindowMs: null } },
      'would_double_count',
    ],
    ['surely did not arrive, the window has passed', { now: TOLD_AT + 3 * DAY_MS }, 'safe'],
    ['too old', { now: TOLD_AT + 7 * DAY_MS + 1 }, 'too_old'],
    ['as old as can be', { now: TOLD_AT + 7 * DAY_MS }, 'safe'],
    [
      'old, where the platform does not say',
      { destination: { ...ACTIVE, takenUntil: null }, now: 4e12 },
      'safe',
    ],
    ['changed since, and may have arrived', { holding: doubtful, wish: tell(7) }, 'changed_since'],
    ['rejected since, and may have arrived', { holding: doubtful, wish: nothing }, 'changed_since'],
    [
      'changed in what is not told',
      { wish: { kind: 'tell', value: value(10, 'pending'), isAskedFor: true } },
      'safe',
    ],
    ['changed since, and surely did not arrive', { wish: tell(7) }, 'superseded'],
    ['rejected since, and surely did not arrive', { wish: nothing }, 'superseded'],
    ['held since', { wish: undecided }, 'superseded'],
    ['held since, and may have arrived', { holding: doubtful, wish: undecided }, 'superseded'],
    ['not asked for any more', { wish: tell(10, false) }, 'superseded'],
    ['delivered', { holding: delivered }, 'already_delivered'],
    ['delivered, and being corrected', { holding: named(restating, CORRECTION_ID) }, 'already_delivered'],
    ['attempted again', { holding: named(repeated(dead, 1)) }, 'under_way'],
    ['waiting for its retry', { holding: named(endedAs(repeated(dead, 1), 'retry', false)) }, 'under_way'],
    ['its end does not show yet', { letter: { deliveryId: HOLDING_ID, attempt: 2 } }, 'under_way'],
    ['dead once more', { holding: named(endedAs(repeated(dead, 1), 'dead', false)) }, 'superseded'],
    ['withdrawn', { holding: named(withdrawn(intended)) }, 'superseded'],
    ['of somebody forgotten', { isErased: true }, 'erased'],
    ['destination removed', { destination: { kind: 'gone' } }, 'destination_gone'],
    ['destination disabled', { destination: { kind: 'off' } }, 'destination_off'],
    ['nothing on record', { holding: null }, 'unknown'],
    ['no decision on record', { wish: null }, 'unknown'],
    ['its revision is not on record', { toldAt: null }, 'unknown'],
    ['a correction', { letter: correction, holding: deadCorrection, wish: tell(7, false) }, 'safe'],
    [
      'a correction of what has changed',
      { letter: correction, holding: deadCorrection, wish: tell(5) },
      'superseded',
    ],
    ['a retraction', { letter: correction, holding: deadRetraction, wish: nothing }, 'safe'],
    [
      'a retraction of what stands again',
      { letter: correction, holding: deadRetraction, wish: tell(10) },
      'superseded',
    ],
  ])('%s', (_name, changes, expected) => {
    expect(replayClassOf(appraised(changes))).toBe(expected);
  });

  it('names every risk, and asks that each be taken', () => {
    const appraisal = appraised({ holding: doubtful, wish: tell(7), now: TOLD_AT + 8 * DAY_MS });
    expect(appraisal).toEqual({ possible: true, risks: ['would_double_count', 'changed_since', 'too_old'] });
    expect(isReplayable(appraisal, ['would_double_count', 'too_old'])).toBe(false);
    expect(isReplayable(appraisal, REPLAY_RISKS)).toBe(true);
  });
});

describe('wishOfState', () => {
  it.each([
    ['parked', 'pending', 'undecided'],
    ['attributed', 'held', 'undecided'],
    ['attributed', 'rejected', 'nothing'],
    ['attributed', 'reversed', 'nothing'],
    ['unattributed', 'payable', 'tell'],
  ] as const)('%s, %s', (match, state, kind) => {
    expect(wishOfState({ match, state }, value(1, state), true).kind).toBe(kind);
  });
});

const cases = fc.record({
  holding: fc
    .array(fc.constantFrom('retry', 'dead', 'refused', 'delivered', 'cut'), { minLength: 1, maxLength: 6 })
    .chain((ends) => fc.tuple(fc.constant(ends), fc.array(fc.boolean(), { minLength: 6, maxLength: 6 })))
    .map(([ends, doubts]) => named(holdingAfter(ends, doubts))),
  /** How many attempts the letter is behind the holding. */
  behind: fc.constantFrom(0, 0, 0, 1, -1),
  wish: fc.constantFrom(tell(10), tell(10), tell(9), nothing, undecided),
  dedupWindowMs: fc.option(fc.integer({ min: 0, max: 4 }).map((days) => days * DAY_MS)),
  now: fc.integer({ min: 0, max: 10 }).map((days) => TOLD_AT + days * DAY_MS),
});

/** One attempt after the other, until the delivery has ended. */
function holdingAfter(ends: readonly string[], doubts: readonly boolean[]): Holding {
  let holding: Holding = intended;
  for (const [index, end] of ends.entries()) {
    if (end === 'cut') return holding;
    holding = endedAs(holding, end as 'retry', doubts[index] === true);
    if (end !== 'retry') return holding;
    holding = nextTry(holding);
  }
  return holding;
}

describe('whatever has happened', () => {
  it('what is safe did not arrive, or is recognised; and is what the conversion says', () => {
    let safe = 0;
    fc.assert(
      fc.property(cases, ({ holding, behind, wish, dedupWindowMs, now }) => {
        const letter = { deliveryId: HOLDING_ID, attempt: holding.attempt - behind };
        const appraisal = appraised({
          holding,
          letter,
          wish,
          now,
          destination: { ...ACTIVE, dedupWindowMs },
        });
        if (!isReplayable(appraisal, [])) return;
        safe += 1;
        expect(holding.outcome === 'dead' || holding.outcome === 'refused').toBe(true);
        expect(wish).toEqual(tell(10));
        if (holding.mayHaveArrived) expect(now).toBeLessThanOrEqual(TOLD_AT + (dedupWindowMs ?? -1));
      }),
      { numRuns: 5_000 },
    );
    expect(safe).toBeGreaterThan(100);
  });

  it('time adds risks, and takes neither a risk nor an obstacle away', () => {
    fc.assert(
      fc.property(
        cases,
        fc.integer({ min: 0, max: 20 }).map((days) => days * DAY_MS),
        ({ holding, wish, dedupWindowMs, now }, laterMs) => {
          const given = { holding, wish, destination: { ...ACTIVE, dedupWindowMs } };
          const [then, later] = [now, now + laterMs].map((at) => appraised({ ...given, now: at }));
          if (then?.possible && later?.possible)
            expect(later.risks).toEqual(expect.arrayContaining([...then.risks]));
          else expect(later).toEqual(then);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('a letter leads to one more attempt at most, whatever risk is taken and however that ends', () => {
    fc.assert(
      fc.property(
        cases,
        fc.constantFrom('retry', 'dead', 'refused', 'delivered', 'cut'),
        ({ holding, behind, wish, dedupWindowMs, now }, end) => {
          const given = {
            letter: { deliveryId: HOLDING_ID, attempt: holding.attempt - behind },
            wish,
            now,
            destination: { ...ACTIVE, dedupWindowMs },
          };
          if (!isReplayable(appraised({ ...given, holding }), REPLAY_RISKS)) return;
          const again = repeated(holding, 1);
          const after = end === 'cut' ? again : endedAs(again, end as 'retry', true);
          expect(isReplayable(appraised({ ...given, holding: named(after) }), REPLAY_RISKS)).toBe(false);
        },
      ),
      { numRuns: 3_000 },
    );
  });
});
