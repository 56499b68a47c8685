/** What follows when a revision meets what a destination holds: as a table, and over any history of revisions and outcomes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { State } from '../conversion.ts';
import {
  type Holding,
  heldNow,
  isOpen,
  isRehearsable,
  isUncertain,
  type OutwardValue,
  takenBack,
} from './holding.ts';
import {
  begun,
  dropped,
  endedAs,
  isWrong,
  nextTry,
  repeated,
  undermined,
  withdrawn,
} from './holding-changes.ts';
import { type OutwardStep, outwardStep, type Wish } from './outward-step.ts';
import { isRecognised, mayGoOn } from './recognition.ts';

const LIVE = { isRehearsal: false, isRecognised: true } as const;
const TELLS = { amounts: ['revenue'], state: false } as const;

function value(units: number, state: State = 'payable'): OutwardValue {
  return {
    amounts: { revenue: { micros: BigInt(units) * 1_000_000n, currency: 'USD' }, payout: null },
    state,
  };
}

const tell = (units: number, isAskedFor = true): Wish => ({ kind: 'tell', value: value(units), isAskedFor });
const nothing: Wish = { kind: 'nothing', state: 'reversed' };
const undecided: Wish = { kind: 'undecided' };

/** The event of revision 1, worth 10, after one attempt. */
function sale(outcome: Holding['outcome'], mayHaveArrived = false): Holding {
  const intended = begun(null, { kind: 'event', revision: 1, told: value(10) });
  return outcome === null ? intended : endedAs(intended, outcome, mayHaveArrived);
}

/** Revision 2 has restated the sale of 10 as 7. */
function restated(outcome: Holding['outcome'], mayHaveArrived = false): Holding {
  const intended = begun(sale('delivered'), { kind: 'restate', revision: 2, told: value(7) });
  return outcome === null ? intended : endedAs(intended, outcome, mayHaveArrived);
}

/** Delivered, and then dropped by the receiver after all. */
function lost(delivered: Holding, outcome: Holding['outcome'], mayHaveArrived = false): Holding {
  const ending = dropped(delivered, mayHaveArrived);
  return outcome === null ? ending : endedAs(ending, outcome, false);
}

function tellingOf(step: OutwardStep): string {
  switch (step.kind) {
    case 'idle':
      return step.reason;
    case 'event':
      return `event ${units(step.value)}${step.supersedes ? ', superseding' : ''}`;
    case 'correct':
    case 'give_up':
      return `${step.kind} ${step.correction} ${units(step.held)}→${units(step.now)}${step.supersedes ? ', superseding' : ''}`;
    default:
      return step.kind;
  }
}

function units({ amounts }: OutwardValue): number {
  return Number((amounts.revenue?.micros ?? 0n) / 1_000_000n);
}

describe('outwardStep', () => {
  it.each<[string, Holding | null, number, Wish, string]>([
    ['nothing told, asked for', null, 1, tell(10), 'event 10'],
    ['nothing told, not asked for', null, 1, tell(10, false), 'not_asked_for'],
    ['nothing told, rejected before it was delivered', null, 2, nothing, 'not_asked_for'],
    ['nothing told, parked or held', null, 1, undecided, 'undecided'],

    ['open, met again', sale('retry'), 1, tell(10), 'resume'],
    ['intended, met again', sale(null), 1, tell(10), 'resume'],
    ['delivered, met again', sale('delivered'), 1, tell(10), 'tried_before'],
    ['refused, met again', sale('refused'), 1, tell(10), 'tried_before'],
    ['corrected, an older revision comes again', restated('delivered'), 1, tell(10), 'older'],

    ['open, a newer one says the same', sale('retry'), 2, tell(10), 'as_told'],
    ['open, a newer one', sale('retry'), 2, tell(7), 'event 7, superseding'],
    ['open, taken back', sale('retry'), 2, nothing, 'withdraw'],
    ['open, held now', sale('retry'), 2, undecided, 'withdraw'],
    ['open, no longer asked for', sale('retry'), 2, tell(7, false), 'withdraw'],

    ['intended, a newer one', sale(null), 2, tell(7), 'wait'],
    ['may have arrived, a newer one', sale('retry', true), 2, tell(7), 'wait'],
    ['may have arrived, taken back', sale('retry', true), 2, nothing, 'wait'],
    ['may have arrived, the same again', sale('retry', true), 2, tell(10), 'as_told'],
    ['may have arrived, held now', sale('retry', true), 2, undecided, 'undecided'],
    ['dead and may have arrived, a newer one', sale('dead', true), 2, tell(7), 'repeat'],
    ['dead and may have arrived, taken back', sale('dead', true), 2, nothing, 'repeat'],
    ['dead and may have arrived, the same', sale('dead', true), 2, tell(10), 'tried_before'],
    ['told again for it in vain', { ...sale('dead', true), repeatedFor: 2 }, 2, tell(7), 'unsettled'],
    ['told again in vain, the next one', { ...sale('dead', true), repeatedFor: 2 }, 3, tell(7), 'repeat'],

    ['delivered, the same again', sale('delivered'), 2, tell(10), 'as_held'],
    ['delivered, worth less', sale('delivered'), 2, tell(7), 'correct restate 10→7'],
    [
      'delivered, worth more where that is not taken',
      sale('delivered'),
      2,
      tell(99),
      'give_up restate 10→99',
    ],
    [
      'delivered, worth less though nobody asks any more',
      sale('delivered'),
      2,
      tell(7, false),
      'correct restate 10→7',
    ],
    ['delivered, taken back', sale('delivered'), 2, nothing, 'correct retract 10→0'],
    ['delivered, held now', sale('delivered'), 2, undecided, 'undecided'],

    ['refused, worth the same', sale('refused'), 2, tell(10), 'tried_before'],
    ['refused, a newer one', sale('refused'), 2, tell(7), 'event 7'],
    ['dead, a newer one', sale('dead'), 2, tell(7), 'event 7'],
    ['dead, taken back', sale('dead'), 2, nothing, 'as_held'],
    ['dropped after all, the same', lost(sale('delivered'), 'refused'), 2, tell(10), 'tried_before'],
    ['dropped after all, another', lost(sale('delivered'), 'refused'), 2, tell(7), 'event 7'],
    ['dropped after all, taken back', lost(sale('delivered'), 'refused'), 2, nothing, 'as_held'],
    ['dropped for now, held now', lost(sale('delivered'), 'retry'), 2, undecided, 'withdraw'],
    ['dropped and superseded, the same', lost(sale('delivered'), 'superseded'), 2, tell(10), 'event 10'],
    ['dropped, an earlier one may be there', lost(sale('delivered'), 'dead', true), 2, tell(7), 'repeat'],
    [
      'correction dropped, another',
      lost(restated('delivered'), 'refused'),
      3,
      tell(5),
      'correct restate 10→5',
    ],
    [
      'correction withdrawn, and dropped what it stood on',
      endedAs(undermined(withdrawn(restated('retry')), value(4)), 'superseded', false),
      3,
      tell(10),
      'correct restate 4→10',
    ],
    [
      'correction withdrawn, and dropped the event itself',
      endedAs(undermined(withdrawn(restated('retry')), null), 'superseded', false),
      3,
      tell(10),
      'event 10',
    ],
    ['correction dropped, as before', lost(restated('delivered'), 'refused'), 3, tell(10), 'as_held'],
    ['superseded, the same as it said', withdrawn(sale('retry')), 2, tell(10), 'event 10'],

    ['correction open, a newer one', restated('retry'), 3, tell(5), 'correct restate 10→5, superseding'],
    ['correction open, what it says', restated('retry'), 3, tell(7), 'as_told'],
    ['correction open, as it was before', restated('retry'), 3, tell(10), 'withdraw'],
    ['correction that may have arrived, a newer one', restated('retry', true), 3, tell(5), 'wait'],
    ['correction delivered, a newer one', restated('delivered'), 3, tell(5), 'correct restate 7→5'],
    ['correction delivered, as it was before', restated('delivered'), 3, tell(10), 'correct restate 7→10'],
    ['correction refused, the same', restated('refused'), 3, tell(7), 'tried_before'],
    ['correction refused, another', restated('refused'), 3, tell(5), 'correct restate 10→5'],
    ['correction dead, as it was before', restated('dead'), 3, tell(10), 'as_held'],
    ['correction superseded, what it said', withdrawn(restated('retry')), 3, tell(7), 'correct restate 10→7'],

    ['rehearsed, met again', sale('rehearsed'), 1, tell(10), 'tried_before'],
    ['rehearsed, the same', sale('rehearsed'), 2, tell(10), 'rehearsed'],
    ['rehearsed, a newer one', sale('rehearsed'), 2, tell(7), 'rehearsed'],
    ['rehearsed, taken back', sale('rehearsed'), 2, nothing, 'as_held'],
    [
      'rehearsed, but it may have arrived before',
      { ...sale('rehearsed'), mayHaveArrived: true },
      2,
      tell(7),
      'repeat',
    ],
    ['correction rehearsed, what it said', restated('rehearsed'), 3, tell(7), 'correct restate 10→7'],
    ['correction rehearsed, as it was before', restated('rehearsed'), 3, tell(10), 'as_held'],
  ])('%s', (_name, holding, revision, wish, expected) => {
    const isCorrectable = ({ now }: { now: OutwardValue }) => units(now) < 50;
    expect(tellingOf(outwardStep({ ...LIVE, holding, revision, wish, tells: TELLS, isCorrectable }))).toBe(
      expected,
    );
  });

  it.each<[string, Holding, Wish, string]>([
    ['a newer one', sale('dead', true), tell(7), 'would_double_count'],
    ['taken back', sale('dead', true), nothing, 'would_double_count'],
    ['refused, a newer one', sale('refused', true), tell(7), 'would_double_count'],
    ['a correction', restated('dead', true), tell(5), 'would_double_count'],
    ['the same', sale('dead', true), tell(10), 'tried_before'],
    ['told again on order in vain', { ...sale('dead', true), repeatedFor: 3 }, tell(7), 'unsettled'],
    ['open still', sale('retry', true), tell(7), 'wait'],
    ['without a doubt', sale('dead'), tell(7), 'event 7'],
  ])('where a repeat may not be recognised any more: %s', (_name, holding, wish, expected) => {
    const given = { holding, revision: 3, wish, tells: TELLS, isCorrectable: () => true };
    expect(tellingOf(outwardStep({ ...given, isRehearsal: false, isRecognised: false }))).toBe(expected);
  });

  it.each<[string, Holding | null, number, Wish, string]>([
    ['nothing told', null, 1, tell(10), 'event 10'],
    ['open, a newer one', sale('retry'), 2, tell(7), 'event 7, superseding'],
    ['may have arrived, a newer one', sale('retry', true), 2, tell(7), 'wait'],
    ['dead and may have arrived, a newer one', sale('dead', true), 2, tell(7), 'destination_not_live'],
    ['dead and may have arrived, taken back', sale('dead', true), 2, nothing, 'destination_not_live'],
    ['dead, the same', sale('dead'), 2, tell(10), 'tried_before'],
    ['rehearsed, the same', sale('rehearsed'), 2, tell(10), 'tried_before'],
    ['rehearsed, a newer one', sale('rehearsed'), 2, tell(7), 'event 7'],
    ['rehearsed, taken back', sale('rehearsed'), 2, nothing, 'as_held'],
    ['delivered when it was live, a newer one', sale('delivered'), 2, tell(7), 'correct restate 10→7'],
    ['correction rehearsed, the same', restated('rehearsed'), 3, tell(7), 'tried_before'],
    ['correction rehearsed, a newer one', restated('rehearsed'), 3, tell(5), 'correct restate 10→5'],
  ])('where the destination is not live: %s', (_name, holding, revision, wish, expected) => {
    const step = outwardStep({
      holding,
      revision,
      wish,
      tells: TELLS,
      isCorrectable: () => true,
      isRehearsal: true,
      isRecognised: true,
    });
    expect(tellingOf(step)).toBe(expected);
  });

  it('tells of a changed state where the receiver is told of states', () => {
    const pending = endedAs(
      begun(null, { kind: 'event', revision: 1, told: value(10, 'pending') }),
      'delivered',
      false,
    );
    const given = { ...LIVE, holding: pending, revision: 2, wish: tell(10), isCorrectable: () => true };
    expect(outwardStep({ ...given, tells: TELLS }).kind).toBe('idle');
    expect(outwardStep({ ...given, tells: { ...TELLS, state: true } }).kind).toBe('correct');
  });

  it('puts a conversion that was taken back in place again, without a second event', () => {
    const gone = begun(sale('delivered'), {
      kind: 'retract',
      revision: 2,
      told: takenBack(value(10), 'reversed'),
    });
    const step = outwardStep({
      holding: endedAs(gone, 'delivered', false),
      revision: 3,
      wish: tell(10),
      tells: TELLS,
      isCorrectable: () => true,
      ...LIVE,
    });
    expect(tellingOf(step)).toBe('correct restate 0→10');
  });
});

/** What one attempt comes to: whether the receiver takes it, and what we learn of that. */
const ATTEMPTS = [
  'delivered',
  'refused',
  'not_taken',
  'lost_before',
  'lost_after',
  'crash_before',
  'crash_after',
] as const;
type Attempt = (typeof ATTEMPTS)[number];
const LADDER = 3;

/** A receiver that drops repeats of an id for as long as it promises, for ever without a promise, and adds up or replaces by corrections. */
class Receiver {
  readonly #seen = new Map<string, number>();
  readonly #how: 'new_total' | 'difference';
  readonly #windowMs: number;
  held: number | null = null;
  events = 0;

  constructor(how: 'new_total' | 'difference', dedupWindowMs: number | null) {
    this.#how = how;
    this.#windowMs = dedupWindowMs ?? Number.POSITIVE_INFINITY;
  }

  take(id: string, { kind, held, told }: Holding, now: number): void {
    const seenAt = this.#seen.get(id);
    if (seenAt !== undefined && now <= seenAt + this.#windowMs) return;
    this.#seen.set(id, now);
    if (kind === 'event') this.events += 1;
    if (kind === 'event' || this.#how === 'new_total') this.held = units(told);
    else this.held = (this.held ?? 0) + units(told) - (held === null ? 0 : units(held));
  }
}

/** The engine in small: one holding, revisions that come at any time, attempts with any outcome. */
class Engine {
  readonly receiver: Receiver;
  readonly #outcomes: Iterator<Attempt>;
  readonly #canRestate: boolean;
  readonly #dedupWindowMs: number | null;
  readonly #decided = new Map<number, { readonly at: number; readonly isLive: boolean }>();
  holding: Holding | null = null;
  #waiting: { revision: number; wish: Wish } | null = null;
  newest: Wish = undecided;
  isLive = true;
  now = 0;
  /** What was told again by nobody's order after it had ended. */
  repeats = 0;
  wasBegunLive = false;

  constructor({ how, canCorrect, outcomes, dedupWindowMs }: Omit<History, 'turns' | 'switches'>) {
    this.receiver = new Receiver(how, dedupWindowMs);
    this.#canRestate = canCorrect;
    this.#outcomes = outcomes[Symbol.iterator]();
    this.#dedupWindowMs = dedupWindowMs;
  }

  meet(revision: number, wish: Wish): void {
    this.newest = wish;
    if (!this.#decided.has(revision)) this.#decided.set(revision, { at: this.now, isLive: this.isLive });
    const { holding } = this;
    const isCorrectable = () => this.#canRestate;
    const step = outwardStep({
      holding,
      revision,
      wish,
      tells: TELLS,
      isCorrectable,
      isRehearsal: !this.isLive,
      isRecognised: holding !== null && isRecognised(this.#repeatOf(holding)),
    });
    if (step.kind === 'wait' || step.kind === 'repeat') this.#waiting = { revision, wish };
    if (step.kind === 'repeat' && holding !== null) {
      this.repeats += 1;
      this.#attempt(repeated(holding, revision));
    }
    if (step.kind === 'withdraw' && holding !== null) this.holding = withdrawn(holding);
    if (step.kind === 'event' || step.kind === 'correct' || step.kind === 'give_up') {
      if (step.supersedes && this.holding !== null) this.holding = withdrawn(this.holding);
      const kind = step.kind === 'event' ? step.kind : step.correction;
      const told = step.kind === 'event' ? step.value : step.now;
      const intended = begun(this.holding, { kind, revision, told });
      if (step.kind === 'give_up') this.holding = endedAs(intended, 'refused', false);
      else this.#attempt(intended);
    }
  }

  /** The next attempt of what is open, or the revision that has waited for its end. @returns false when all is quiet. */
  tick(): boolean {
    if (this.holding !== null && isOpen(this.holding)) {
      this.#attempt(nextTry(this.holding));
      return true;
    }
    if (this.#waiting === null) return false;
    const { revision, wish } = this.#waiting;
    this.#waiting = null;
    if (wish === this.newest) this.meet(revision, wish);
    return true;
  }

  #repeatOf({ revision }: Holding) {
    const toldAt = this.#decided.get(revision)?.at ?? 0;
    return { toldAt, dedupWindowMs: this.#dedupWindowMs, now: this.now };
  }

  #attempt(intended: Holding): void {
    if (!this.isLive) {
      const isOfLive = this.#decided.get(intended.revision)?.isLive || !isRehearsable(this.holding);
      this.holding = endedAs(intended, isOfLive ? 'dead' : 'rehearsed', false);
      return;
    }
    this.wasBegunLive = true;
    if (intended.mayHaveArrived && !mayGoOn(this.#repeatOf(intended))) {
      this.holding = endedAs(intended, 'dead', false);
      return;
    }
    const outcome = this.#outcomes.next().value ?? 'delivered';
    const id = intended.kind === 'event' ? 'event' : `${intended.kind} ${intended.revision}`;
    this.holding = intended;
    if (['delivered', 'lost_after', 'crash_after'].includes(outcome))
      this.receiver.take(id, intended, this.now);
    if (outcome === 'crash_before' || outcome === 'crash_after') return;
    if (outcome === 'delivered' || outcome === 'refused') {
      this.holding = endedAs(intended, outcome, false);
      return;
    }
    const end = intended.tries > LADDER ? 'dead' : 'retry';
    this.holding = endedAs(intended, end, outcome !== 'not_taken');
  }
}

const wishes = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 4 }).map((n) => tell(n)) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 4 }).map((n) => tell(n, false)) },
  { weight: 2, arbitrary: fc.constant(nothing) },
  { weight: 1, arbitrary: fc.constant(undecided) },
);
const pauses = fc.integer({ min: 1, max: 100 });
const histories = fc.record({
  how: fc.constantFrom('new_total' as const, 'difference' as const),
  canCorrect: fc.boolean(),
  /** A revision, an attempt, or so many milliseconds. */
  turns: fc.array(
    fc.oneof({ weight: 8, arbitrary: wishes }, { weight: 8, arbitrary: fc.constant(null) }, pauses),
    {
      minLength: 1,
      maxLength: 25,
    },
  ),
  dedupWindowMs: fc.constantFrom(null, 5, 50),
  /** After how many turns the destination goes live, or leaves it. */
  switches: fc.array(fc.integer({ min: 0, max: 25 }), { maxLength: 4 }),
  outcomes: fc.array(fc.constantFrom(...ATTEMPTS), { maxLength: 60 }),
});
type History = typeof histories extends fc.Arbitrary<infer H> ? H : never;

function played({ turns, switches, ...given }: History, check: (engine: Engine) => void): Engine {
  const engine = new Engine(given);
  let revision = 0;
  for (const [place, turn] of turns.entries()) {
    if (switches.includes(place)) engine.isLive = !engine.isLive;
    engine.now += typeof turn === 'number' ? turn : 1;
    if (turn === null) engine.tick();
    else if (typeof turn !== 'number') engine.meet(++revision, turn);
    check(engine);
  }
  for (let turn = 0; engine.tick(); turn += 1) {
    check(engine);
    if (turn > 1_000) throw new Error('it never ends');
  }
  return engine;
}

function goalOf(wish: Wish, engine: Engine): number | null | 'any' {
  if (wish.kind === 'undecided') return 'any';
  if (wish.kind === 'nothing') return engine.receiver.held === null ? null : 0;
  return wish.isAskedFor || engine.receiver.held !== null ? units(wish.value) : null;
}

describe('over any history', () => {
  it('never a second event reaches the receiver', () => {
    fc.assert(
      fc.property(histories, (history) => {
        played(history, ({ receiver }) => expect(receiver.events).toBeLessThanOrEqual(1));
      }),
      { numRuns: 3_000 },
    );
  });

  it('what ended without anybody knowing is told again only where the receiver promises to recognise it', () => {
    let told = 0;
    fc.assert(
      fc.property(histories, (history) => {
        const { repeats } = played(history, () => {});
        if (history.dedupWindowMs === null) expect(repeats).toBe(0);
        told += repeats;
      }),
      { numRuns: 3_000 },
    );
    expect(told).toBeGreaterThan(10);
  });

  it('no rehearsal takes the place of what was begun live and never arrived', () => {
    let owed = 0;
    fc.assert(
      fc.property(histories, (history) => {
        played(history, ({ holding, receiver, wasBegunLive }) => {
          if (!wasBegunLive || receiver.held !== null) return;
          expect(holding?.outcome).not.toBe('rehearsed');
          owed += 1;
        });
      }),
      { numRuns: 3_000 },
    );
    expect(owed).toBeGreaterThan(500);
  });

  it('the log knows what the receiver holds whenever it says so for certain', () => {
    fc.assert(
      fc.property(histories, (history) => {
        played(history, ({ holding, receiver }) => {
          if (holding === null || isUncertain(holding)) return;
          const held = heldNow(holding);
          expect(receiver.held).toBe(held === null ? null : units(held));
        });
      }),
      { numRuns: 3_000 },
    );
  });

  it('in the end the receiver holds what it should, or is listed as wrong', () => {
    let right = 0;
    fc.assert(
      fc.property(histories, (history) => {
        const engine = played(history, () => {});
        if (engine.holding !== null && isWrong(engine.holding)) return;
        if (engine.holding?.outcome === 'rehearsed') return;
        const goal = goalOf(engine.newest, engine);
        if (goal === 'any') return;
        expect(engine.receiver.held ?? null).toBe(goal);
        right += 1;
      }),
      { numRuns: 5_000 },
    );
    expect(right).toBeGreaterThan(500);
  });

  it('a receiver that can be corrected and answers every time ends right', () => {
    fc.assert(
      fc.property(histories, ({ outcomes, ...rest }) => {
        const answers = outcomes.filter((outcome) => outcome !== 'refused' && outcome !== 'lost_before');
        const sure = { switches: [], canCorrect: true, dedupWindowMs: null };
        const history = { ...rest, ...sure, outcomes: answers.slice(0, LADDER) };
        const engine = played(history, () => {});
        const goal = goalOf(engine.newest, engine);
        if (goal !== 'any') expect(engine.receiver.held ?? null).toBe(goal);
      }),
      { numRuns: 3_000 },
    );
  });

  it('nothing of what was first met while the destination was not live ever reaches it', () => {
    fc.assert(
      fc.property(histories, fc.array(wishes, { minLength: 1, maxLength: 10 }), (history, later) => {
        const engine = new Engine(history);
        engine.isLive = false;
        engine.meet(1, tell(10));
        engine.isLive = true;
        for (const [index, wish] of later.entries()) engine.meet(index + 2, wish);
        while (engine.tick()) expect(engine.receiver.events).toBe(0);
        expect(engine.receiver.held).toBeNull();
      }),
    );
  });

  it('an older revision that comes again changes nothing', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const engine = played(history, () => {});
        const { holding } = engine;
        if (holding === null || isOpen(holding)) return;
        for (let revision = 1; revision <= holding.revision; revision += 1) {
          const step = outwardStep({
            holding,
            revision,
            wish: tell(9),
            tells: TELLS,
            isCorrectable: () => true,
            ...LIVE,
          });
          expect(step.kind).toBe('idle');
        }
      }),
    );
  });
});
