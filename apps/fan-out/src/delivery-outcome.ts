/** How a judgement ends an attempt: by its destination's ladder a retry has a time, or the delivery is dead. */
import { type AttemptOutcome, nextAttempt } from '@tributary/domain';
import type { Attempt, DeliveryOutcome } from './delivery-records.ts';

export interface JudgedAttempt {
  /** It may have arrived although it was not delivered. */
  readonly mayHaveArrived: boolean;
  /** It is sent again at once, whatever its ladder says. */
  readonly isAtOnce?: boolean;
  /** Epoch ms. */
  readonly endedAt: number;
  /** In [0, 1), for jitter. */
  readonly random: number;
}

export function deliveryOutcome(
  { standing, receiver }: Pick<Attempt, 'standing' | 'receiver'>,
  outcome: AttemptOutcome,
  { mayHaveArrived, isAtOnce = false, endedAt, random }: JudgedAttempt,
): DeliveryOutcome {
  if (outcome.outcome === 'delivered')
    return { outcome: 'delivered', reasonCode: null, nextAttemptAt: null, mayHaveArrived: false };
  const { reason: reasonCode } = outcome;
  if (outcome.outcome === 'refused')
    return { outcome: 'refused', reasonCode, nextAttemptAt: null, mayHaveArrived };
  if (isAtOnce) return { outcome: 'retry', reasonCode, nextAttemptAt: null, mayHaveArrived };
  const next = nextAttempt({
    attempt: standing.tries,
    random,
    retryAfterMs: outcome.afterMs,
    scheduleMs: receiver?.destination.scheduleMs,
  });
  if (next.kind === 'dead') return { outcome: 'dead', reasonCode, nextAttemptAt: null, mayHaveArrived };
  return { outcome: 'retry', reasonCode, nextAttemptAt: endedAt + next.delayMs, mayHaveArrived };
}
