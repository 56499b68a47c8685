/** What the answer to a request means: for each delivery of it, for what is sent once more at once, and for the destination. */
import { isAdjustment, RECEIVER_GONE, TOKEN_EXPIRED } from '@tributary/destinations';
import { type AttemptOutcome, judgeNetworkError } from '@tributary/domain';
import type { ReadyAttempt } from './delivery-records.ts';
import type { Health } from './destination-lane.ts';
import type { Exchange } from './sender.ts';

/** What came of a request: the outcome of each delivery, and which of them are sent once more at once, in smaller requests or with a new token. */
export interface Judged {
  readonly outcomes: readonly AttemptOutcome[];
  readonly isAgain: readonly boolean[];
  readonly isTokenExpired: boolean;
}

/** @param hasNewToken Whether an expired access token was replaced already: a second time it is a failure like others. */
export function judge(
  attempts: readonly ReadyAttempt[],
  exchange: Exchange,
  hasNewToken: boolean,
  now: number,
): Judged {
  const [first] = attempts;
  if (first === undefined) throw new Error('a request without deliveries');
  if (!exchange.ok) {
    const outcome = judgeNetworkError(exchange.error);
    return { outcomes: attempts.map(() => outcome), isAgain: [], isTokenExpired: false };
  }
  const { definition, settings } = first.receiver;
  const outcomes = definition.judge({
    response: exchange.response,
    deliveryCount: attempts.length,
    isAdjustment: isAdjustment(definition, first.outward, settings),
    settings,
    now,
  });
  const isTokenExpired =
    !hasNewToken &&
    definition.credential !== null &&
    outcomes.every((outcome) => outcome.outcome === 'retry' && outcome.reason === TOKEN_EXPIRED);
  const isSplit = (outcome: AttemptOutcome) => attempts.length > 1 && asksForSplit(outcome);
  return { outcomes, isAgain: outcomes.map((outcome) => isTokenExpired || isSplit(outcome)), isTokenExpired };
}

function asksForSplit(outcome: AttemptOutcome): boolean {
  return outcome.outcome === 'retry' && outcome.splitBatch === true;
}

/** A destination that refuses one event works; one that refuses whatever comes does not. */
export function healthOf(exchange: Exchange, { outcomes, isAgain }: Judged): Health {
  if (!exchange.ok) return 'down';
  const final = outcomes.filter((_, index) => isAgain[index] !== true);
  if (final.length === 0) return 'unknown';
  if (final.every((outcome) => outcome.outcome === 'refused' && outcome.reason === RECEIVER_GONE))
    return 'gone';
  const isDown = final.every(
    (outcome) =>
      (outcome.outcome === 'retry' && !asksForSplit(outcome)) ||
      (outcome.outcome === 'refused' && outcome.scope === 'destination'),
  );
  return isDown ? 'down' : 'up';
}

/** Of the requests that one was split into. */
export function healthOfAll(healths: readonly Health[]): Health {
  return (['up', 'gone', 'down'] as const).find((each) => healths.includes(each)) ?? 'unknown';
}
