/** What an order to send a dead letter again would do, by what its destination holds and takes now. */
import type { ConversionDecided } from '@tributary/contracts';
import { takenUntil } from '@tributary/destinations';
import {
  appraiseReplay,
  REPLAY_ORDER_LIFE_MS,
  type ReplayAppraisal,
  type ReplayDestination,
} from '@tributary/domain';
import type { Clock } from '@tributary/runtime';
import type { Dispatch } from './dispatch.ts';
import { tellsOf } from './receivers.ts';
import { isRehearsal } from './rehearsal.ts';
import { isCutOff, type Standing } from './send-ledger.ts';
import type { ReplayTask } from './step-tasks.ts';

/** What an appraisal is made from, beside the order. */
export interface AppraisalSources {
  readonly dispatch: Pick<Dispatch, 'receiverOf'>;
  readonly clock: Clock;
}

/** @param told the revision that the delivery had told. */
export function appraisalOf(
  { wished, decided, deliveryId, expectedAttempt, revisions }: ReplayTask,
  holding: Standing,
  told: ConversionDecided,
  sources: AppraisalSources,
): ReplayAppraisal {
  const event = revisions.find(({ revision }) => revision === holding.eventRevision);
  const telling = holding.kind === 'event' ? told : (event ?? told);
  return appraiseReplay({
    letter: { deliveryId, attempt: expectedAttempt },
    holding,
    wish: wished.wish,
    isErased: decided.orders.erasedFor !== null,
    toldAt: told.decidedAt,
    destination: replayDestination(holding, telling, told, sources),
    now: sources.clock.now(),
  });
}

function replayDestination(
  { destinationId, kind, event }: Standing,
  telling: ConversionDecided,
  { decidedAt: toldAt }: ConversionDecided,
  { dispatch }: AppraisalSources,
): ReplayDestination {
  const lookup = dispatch.receiverOf(destinationId, telling);
  if (!lookup.ok) return { kind: lookup.reason === 'destination_disabled' ? 'off' : 'gone' };
  const { receiver } = lookup;
  // What is rehearsed is not told later, and what ought to be told later is not rehearsed.
  if (isRehearsal(receiver)) return { kind: 'off' };
  const { definition, settings } = receiver;
  const { occurredAt } = telling;
  return {
    kind: 'active',
    tells: tellsOf(receiver),
    takenUntil: takenUntil(definition, settings, { kind, event, occurredAt, toldAt }),
    dedupWindowMs: definition.dedupWindowMs,
  };
}

/** An attempt that the order has led to was cut off. */
export function isCutOffReplay({ deliveryId, expectedAttempt }: ReplayTask, holding: Standing): boolean {
  if (holding.deliveryId !== deliveryId || holding.attempt <= expectedAttempt) return false;
  return isCutOff(holding);
}

/**
 * Whether nothing is begun of an order any more.
 * @param now by a clock that differs from console's by far less than an order counts.
 */
export function hasLapsed({ issuedAt }: Pick<ReplayTask, 'issuedAt'>, now: number): boolean {
  return now - issuedAt > REPLAY_ORDER_LIFE_MS;
}
