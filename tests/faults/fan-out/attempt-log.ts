/** What the log of attempts alone says of every delivery: how it ended, and which attempts nobody can know the outcome of. */
import type { DeliveryAttempted } from '@tributary/contracts';

export interface LoggedDelivery {
  /** Ends that are final, by request: one, or something is off. */
  readonly ends: readonly string[];
  /** Attempts numbered above a final one. */
  readonly afterTheEnd: number;
  /** Attempts of it that may have arrived without anybody's knowing. */
  readonly ambiguous: number;
}

export interface AttemptLog {
  readonly deliveries: ReadonlyMap<string, LoggedDelivery>;
  readonly requests: number;
  /** Requests that were intended, and whose end is missing: cut off by a crash. */
  readonly cutOff: number;
  /** Requests that ended without an answer after they may have been written. */
  readonly unanswered: number;
}

/** What is kept of a request: there may be a million of them. */
interface LoggedRequest {
  readonly isEnded: boolean;
  readonly isUnanswered: boolean;
  readonly deliveries: readonly Pick<
    DeliveryAttempted['deliveries'][number],
    'deliveryId' | 'attempt' | 'outcome'
  >[];
}

const FINAL: readonly (string | null)[] = ['delivered', 'refused', 'dead', 'superseded'];

export class AttemptReader {
  readonly #requests = new Map<string, LoggedRequest>();

  /** A record of delivery.attempted; they come in any order. */
  note(record: DeliveryAttempted): void {
    const { requestId, phase, deliveries } = record;
    const isEnded = phase === 'ended';
    if (!isEnded && this.#requests.has(requestId)) return;
    this.#requests.set(requestId, {
      isEnded,
      isUnanswered: isEnded && isUnanswered(record),
      deliveries: deliveries.map(({ deliveryId, attempt, outcome }) => ({ deliveryId, attempt, outcome })),
    });
  }

  /** What all of it says. */
  log(): AttemptLog {
    let [cutOff, unanswered] = [0, 0];
    const ambiguous = new Map<string, number>();
    for (const request of this.#requests.values()) {
      if (request.isEnded && !request.isUnanswered) continue;
      if (request.isEnded) unanswered += 1;
      else cutOff += 1;
      for (const { deliveryId } of request.deliveries)
        ambiguous.set(deliveryId, (ambiguous.get(deliveryId) ?? 0) + 1);
    }
    const deliveries = deliveriesOf(this.#requests.values(), ambiguous);
    return { deliveries, requests: this.#requests.size, cutOff, unanswered };
  }
}

/** A timeout or a lost connection after something was written; a refused connection wrote nothing. */
function isUnanswered({ responseStatus, errorCode, holdings }: DeliveryAttempted): boolean {
  return (
    responseStatus === null && errorCode !== null && holdings.some(({ mayHaveArrived }) => mayHaveArrived)
  );
}

function deliveriesOf(
  requests: Iterable<LoggedRequest>,
  ambiguous: ReadonlyMap<string, number>,
): ReadonlyMap<string, LoggedDelivery> {
  const attempts = new Map<string, { readonly attempt: number; readonly outcome: string | null }[]>();
  for (const { deliveries } of requests)
    for (const { deliveryId, attempt, outcome } of deliveries) {
      const own = attempts.get(deliveryId);
      if (own === undefined) attempts.set(deliveryId, [{ attempt, outcome }]);
      else own.push({ attempt, outcome });
    }
  const logged = new Map<string, LoggedDelivery>();
  for (const [deliveryId, own] of attempts) {
    const ends = own.filter(({ outcome }) => FINAL.includes(outcome));
    const firstEnd = Math.min(...ends.map(({ attempt }) => attempt));
    logged.set(deliveryId, {
      ends: ends.flatMap(({ outcome }) => outcome ?? []),
      afterTheEnd: own.filter(({ attempt }) => attempt > firstEnd).length,
      ambiguous: ambiguous.get(deliveryId) ?? 0,
    });
  }
  return logged;
}
