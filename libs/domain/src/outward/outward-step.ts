/** The step that follows when a revision of a conversion meets what a destination holds of it: send, supersede, correct, wait, or nothing. */
import {
  type CorrectionKind,
  type Holding,
  heldNow,
  isOpen,
  isSameTold,
  isTakenBack,
  isUncertain,
  type OutwardValue,
  type Tells,
  takenBack,
} from './holding.ts';

/** What a destination should hold of a conversion by one revision of it. */
export type Wish =
  /** This. `isAskedFor`: also where it was never told of it; otherwise only what it holds is put right. */
  | { readonly kind: 'tell'; readonly value: OutwardValue; readonly isAskedFor: boolean }
  /** Nothing: rejected, reversed as a whole, or credited to somebody else. */
  | { readonly kind: 'nothing'; readonly state: 'rejected' | 'reversed' }
  /** Nobody knows yet: parked, held, or in a state that was not asked for. */
  | { readonly kind: 'undecided' };

/** Why nothing is done. */
export const IDLE_REASONS = [
  /** A newer revision has had its step. */
  'older',
  /** The receiver holds what it should. */
  'as_held',
  /** A delivery that is open says it already. */
  'as_told',
  /** What failed would only be said once more; it lies among the dead letters. */
  'tried_before',
  'not_asked_for',
  'undecided',
  /** It was rehearsed: what a destination was not told while it was not live, it is not told later. */
  'rehearsed',
  /** Told again for this revision, and still nobody knows what the receiver holds. */
  'unsettled',
  /** Told again it might count twice: it lies among the dead letters, and a person decides. */
  'would_double_count',
  /** It may have arrived while the destination was live, and nothing is told again now: it lies among the dead letters. */
  'destination_not_live',
] as const;
export type IdleReason = (typeof IDLE_REASONS)[number];

/**
 * | step     | what is to be done                                                                                            |
 * |----------|---------------------------------------------------------------------------------------------------------------|
 * | idle     | nothing                                                                                                       |
 * | resume   | the delivery of this very revision is open: it goes on                                                        |
 * | withdraw | the open delivery ends superseded, and nothing comes in its place                                             |
 * | event    | the event is sent; an open delivery ends superseded first                                                     |
 * | correct  | what is held is put right under a key of the correction's own; an open delivery ends superseded first         |
 * | give_up  | the same, but the receiver takes no such correction: that is recorded                                         |
 * | wait     | the open delivery may have arrived: it goes on with what it says, and this revision comes again when it ended |
 * | repeat   | as wait, but the delivery has ended without anybody knowing, and would be recognised: it is told again first  |
 */
export type OutwardStep =
  | { readonly kind: 'idle'; readonly reason: IdleReason }
  | { readonly kind: 'resume' | 'withdraw' | 'wait' | 'repeat' }
  | { readonly kind: 'event'; readonly value: OutwardValue; readonly supersedes: boolean }
  | CorrectingStep;

export interface CorrectingStep {
  readonly kind: 'correct' | 'give_up';
  readonly correction: CorrectionKind;
  readonly held: OutwardValue;
  readonly now: OutwardValue;
  readonly supersedes: boolean;
}

export interface StepCase {
  readonly revision: number;
  readonly wish: Wish;
  /** Null: no delivery was ever begun. */
  readonly holding: Holding | null;
  readonly tells: Tells;
  /** Whether the receiver takes such a correction. */
  readonly isCorrectable: (correction: Pick<CorrectingStep, 'correction' | 'held' | 'now'>) => boolean;
  /** The destination is not live: nothing that follows counts there. */
  readonly isRehearsal: boolean;
  /** Whether the receiver promises to recognise what was told last as a repeat; asked where it has ended and may have arrived. */
  readonly isRecognised: boolean;
}

/**
 * The step of a revision. What may have arrived is never superseded: a receiver that took it would drop the newer value as a
 * repeat, and one that did not would be corrected for what it never held. So it is told to its end, and corrected then.
 */
export function outwardStep(given: StepCase): OutwardStep {
  const { holding, revision, wish } = given;
  if (holding === null) return firstStep(wish);
  if (holding.revision > revision) return idle('older');
  if (holding.revision === revision) return isOpen(holding) ? { kind: 'resume' } : idle('tried_before');
  return isUncertain(holding) ? stepOfDoubt(holding, given) : stepOfCertainty(holding, given);
}

function firstStep(wish: Wish): OutwardStep {
  if (wish.kind === 'tell' && wish.isAskedFor) return { kind: 'event', value: wish.value, supersedes: false };
  return idle(wish.kind === 'undecided' ? 'undecided' : 'not_asked_for');
}

function stepOfDoubt(holding: Holding, given: StepCase): OutwardStep {
  const { revision, wish, tells, isRehearsal, isRecognised } = given;
  if (wish.kind === 'undecided') return idle('undecided');
  const goal = goalOf(wish, holding.told);
  const isOpenStill = isOpen(holding);
  if (isSameTold(goal, holding.told, tells)) return idle(isOpenStill ? 'as_told' : 'tried_before');
  if (isOpenStill) return { kind: 'wait' };
  if (holding.repeatedFor >= revision) return idle('unsettled');
  if (isRehearsal) return idle('destination_not_live');
  return isRecognised ? { kind: 'repeat' } : idle('would_double_count');
}

function stepOfCertainty(holding: Holding, given: StepCase): OutwardStep {
  const { wish, tells, isCorrectable, isRehearsal } = given;
  const isOpenStill = isOpen(holding);
  const rest = (reason: IdleReason): OutwardStep => (isOpenStill ? { kind: 'withdraw' } : idle(reason));
  if (wish.kind === 'undecided') return rest('undecided');
  const held = heldNow(holding);
  if (held === null) return stepOfUntold(holding, wish, given, rest);
  const now = goalOf(wish, held);
  if (isSameTold(now, held, tells)) return rest('as_held');
  if (isSameTold(now, holding.told, tells)) {
    if (isOpenStill) return idle('as_told');
    const isToBeSaid = holding.outcome === 'superseded' || (holding.outcome === 'rehearsed' && !isRehearsal);
    if (!isToBeSaid) return idle('tried_before');
  }
  const correction = isTakenBack(now) ? 'retract' : 'restate';
  const kind = isCorrectable({ correction, held, now }) ? 'correct' : 'give_up';
  return { kind, correction, held, now, supersedes: isOpenStill };
}

/** The receiver holds nothing, and no attempt can have changed that. */
function stepOfUntold(
  holding: Holding,
  wish: Exclude<Wish, { kind: 'undecided' }>,
  { tells, isRehearsal }: StepCase,
  rest: (reason: IdleReason) => OutwardStep,
): OutwardStep {
  if (wish.kind === 'nothing') return rest('as_held');
  if (holding.outcome === 'rehearsed' && !isRehearsal) return idle('rehearsed');
  if (!wish.isAskedFor) return rest('not_asked_for');
  if (isSameTold(wish.value, holding.told, tells)) {
    if (isOpen(holding)) return idle('as_told');
    if (holding.outcome !== 'superseded') return idle('tried_before');
  }
  return { kind: 'event', value: wish.value, supersedes: isOpen(holding) };
}

function goalOf(wish: Exclude<Wish, { kind: 'undecided' }>, told: OutwardValue): OutwardValue {
  return wish.kind === 'tell' ? wish.value : takenBack(told, wish.state);
}

function idle(reason: IdleReason): OutwardStep {
  return { kind: 'idle', reason };
}
