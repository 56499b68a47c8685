/** What it would mean to send again a delivery that lies among the dead letters: safe, at a risk, or not to be done at all. */
import {
  type Holding,
  isOpen,
  isSameTold,
  isTakenBack,
  isUncertain,
  type OutwardValue,
  type Tells,
} from './holding.ts';
import type { Wish } from './outward-step.ts';
import { isRecognised } from './recognition.ts';

/**
 * What a person may take upon himself by naming it.
 * `would_double_count`: an attempt may have arrived, and the receiver does not promise to recognise it any more.
 * `changed_since`: an attempt may have arrived, and the conversion has become another; it is told again as it was, and corrected then.
 * `too_old`: the receiver takes nothing so old.
 */
export const REPLAY_RISKS = ['would_double_count', 'changed_since', 'too_old'] as const;
export type ReplayRisk = (typeof REPLAY_RISKS)[number];

/**
 * Why a delivery is never sent again on order.
 * `already_delivered`: it was, since. `under_way`: it is open again, or its end does not show yet. `superseded`: a later attempt
 * or delivery took its place, or the conversion is no longer to be told this. `erased`: the person has asked to be forgotten.
 * `destination_gone`: removed, or its settings cannot be used; `destination_off`: disabled in the configuration, or not live.
 * `unknown`: what the receiver holds, or the decision, is not on record.
 */
export const REPLAY_OBSTACLES = [
  'already_delivered',
  'under_way',
  'superseded',
  'erased',
  'destination_gone',
  'destination_off',
  'unknown',
] as const;
export type ReplayObstacle = (typeof REPLAY_OBSTACLES)[number];

export const REPLAY_CLASSES = ['safe', ...REPLAY_RISKS, ...REPLAY_OBSTACLES] as const;
export type ReplayClass = (typeof REPLAY_CLASSES)[number];

/**
 * How long an order to send again counts after it was issued, in milliseconds. One that has waited for longer, behind a breaker
 * say, is void: whoever issued it issues it again, or does not because the run was stopped.
 */
export const REPLAY_ORDER_LIFE_MS = 600_000;

export type ReplayAppraisal =
  | { readonly possible: true; readonly risks: readonly ReplayRisk[] }
  | { readonly possible: false; readonly obstacle: ReplayObstacle };

/** A holding with the names of its deliveries. */
export interface NamedHolding extends Holding {
  readonly holdingId: string;
  /** The latest delivery about it. */
  readonly deliveryId: string;
}

/** The destination as it would be sent to now. */
export type ReplayDestination =
  | { readonly kind: 'gone' | 'off' }
  | {
      readonly kind: 'active';
      readonly tells: Tells;
      /** Until when the receiver takes what was to be told, epoch ms; null where it does not say. */
      readonly takenUntil: number | null;
      /** For how long it recognises a repeat, in milliseconds; null where it does not say. */
      readonly dedupWindowMs: number | null;
    };

export interface ReplayCase {
  readonly letter: {
    readonly deliveryId: string;
    /** The attempt by which it ended. */
    readonly attempt: number;
  };
  /** What the receiver holds, and the latest delivery about it; null where nothing is on record. */
  readonly holding: NamedHolding | null;
  /** What the newest revision wants the receiver to hold; null where no revision is on record. */
  readonly wish: Wish | null;
  readonly isErased: boolean;
  /** When the revision was decided that the delivery tells, epoch ms: none of its attempts is older. */
  readonly toldAt: number | null;
  readonly destination: ReplayDestination;
  /** Epoch ms. */
  readonly now: number;
}

/**
 * The first line that fits; of the risks all that do.
 *
 * | the delivery                                                        | is                     |
 * |---------------------------------------------------------------------|------------------------|
 * | or its decision is on record nowhere                                | `unknown`              |
 * | was delivered since, whatever has corrected it after that           | `already_delivered`    |
 * | has an attempt before it, or one without an end                     | `under_way`            |
 * | ended by a later attempt, or another delivery took its place        | `superseded`           |
 * | is of somebody who asked to be forgotten                            | `erased`               |
 * | goes to a destination that is gone, or off                          | `destination_gone`, …  |
 * | says what nobody wants told any more, and surely did not arrive     | `superseded`           |
 * | the same, may have arrived, and nobody knows yet what is wanted     | `superseded`           |
 * | the same, may have arrived                                          | risk `changed_since`   |
 * | may have arrived, and a repeat may not be recognised                | risk `would_double_count` |
 * | is older than the receiver takes it                                 | risk `too_old`         |
 * | anything else                                                       | safe                   |
 */
export function appraiseReplay({
  letter,
  holding,
  wish,
  isErased,
  toldAt,
  destination,
  now,
}: ReplayCase): ReplayAppraisal {
  if (holding === null || wish === null || toldAt === null) return obstacle('unknown');
  const moved = movedOn(letter, holding);
  if (moved !== null) return obstacle(moved);
  if (isErased) return obstacle('erased');
  if (destination.kind !== 'active') return obstacle(`destination_${destination.kind}`);
  const { tells, takenUntil, dedupWindowMs } = destination;
  const isDoubtful = isUncertain(holding);
  const isWanted = wants(wish, holding, tells);
  if (!isWanted && (!isDoubtful || wish.kind === 'undecided')) return obstacle('superseded');
  const risks: readonly (readonly [ReplayRisk, boolean])[] = [
    ['would_double_count', isDoubtful && !isRecognised({ toldAt, dedupWindowMs, now })],
    ['changed_since', !isWanted],
    ['too_old', takenUntil !== null && now > takenUntil],
  ];
  return { possible: true, risks: risks.flatMap(([risk, applies]) => (applies ? [risk] : [])) };
}

/** One word for a list or a count: the obstacle, or the first of the risks. */
export function replayClassOf(appraisal: ReplayAppraisal): ReplayClass {
  return appraisal.possible ? (appraisal.risks[0] ?? 'safe') : appraisal.obstacle;
}

/** Whether it is sent for somebody who takes these risks. */
export function isReplayable(appraisal: ReplayAppraisal, accepts: readonly string[]): boolean {
  return appraisal.possible && appraisal.risks.every((risk) => accepts.includes(risk));
}

/** What has become of the delivery since its dead letter was written; null: nothing. */
function movedOn(
  { deliveryId, attempt }: ReplayCase['letter'],
  holding: NamedHolding,
): ReplayObstacle | null {
  if (holding.deliveryId !== deliveryId) {
    // The event is known by the holding's own id, and there is no correction of what was never delivered.
    const isDelivered = deliveryId === holding.holdingId && holding.eventRevision !== null;
    return isDelivered ? 'already_delivered' : 'superseded';
  }
  if (holding.outcome === 'delivered') return 'already_delivered';
  // A dead letter is on record before the end that it follows from.
  if (isOpen(holding) || holding.attempt < attempt) return 'under_way';
  return holding.attempt > attempt || holding.outcome === 'superseded' ? 'superseded' : null;
}

/** Whether the receiver is to hold what the delivery tells. */
function wants(wish: Wish, { kind, told, held }: Holding, tells: Tells): boolean {
  if (wish.kind === 'undecided') return false;
  if (wish.kind === 'nothing') return isTakenBack(told);
  const isAskedFor = wish.isAskedFor || kind !== 'event' || held !== null;
  return isAskedFor && isSameTold(wish.value, told, tells);
}

function obstacle(reason: ReplayObstacle): ReplayAppraisal {
  return { possible: false, obstacle: reason };
}

/**
 * What the conversion is to be told as by its state, for whoever does not know the filters of its subscriptions.
 * @param isAskedFor whether its event is sent, under this name or instead of it.
 */
export function wishOfState(
  { match, state }: { readonly match: string; readonly state: OutwardValue['state'] },
  value: OutwardValue,
  isAskedFor: boolean,
): Wish {
  if (match === 'parked' || state === 'held') return { kind: 'undecided' };
  if (state === 'rejected' || state === 'reversed') return { kind: 'nothing', state };
  return { kind: 'tell', value, isAskedFor };
}
