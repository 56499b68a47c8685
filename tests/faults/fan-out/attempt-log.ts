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

interface LoggedRequest {
  intended: DeliveryAttempted | null;
  ended: DeliveryAttempted | null;
}

const FINAL: readonly (string | null)[] = ['delivered', 'refused', 'dead', 'superseded'];

/** @param records of delivery.attempted in any order. */
export function readAttempts(records: readonly DeliveryAttempted[]): AttemptLog {
  const requests = new Map<string, LoggedRequest>();
  for (const record of records) {
    const request = requests.get(record.requestId) ?? { intended: null, ended: null };
    request[record.phase] = record;
    requests.set(record.requestId, request);
  }
  const cutOff = [...requests.values()].filter(({ ended }) => ended === null);
  const unanswered = [...requests.values()].filter(({ ended }) => ended !== null && isUnanswered(ended));
  const ambiguous = new Map<string, number>();
  for (const { intended, ended } of [...cutOff, ...unanswered])
    for (const { deliveryId } of (ended ?? intended)?.deliveries ?? [])
      ambiguous.set(deliveryId, (ambiguous.get(deliveryId) ?? 0) + 1);
  return {
    deliveries: deliveriesOf(requests.values(), ambiguous),
    requests: requests.size,
    cutOff: cutOff.length,
    unanswered: unanswered.length,
  };
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
  const ends = new Map<string, { readonly outcome: string; readonly attempt: number }[]>();
  const attempts = new Map<string, number[]>();
  for (const { intended, ended } of requests) {
    for (const { deliveryId, attempt, outcome } of (ended ?? intended)?.deliveries ?? []) {
      attempts.set(deliveryId, [...(attempts.get(deliveryId) ?? []), attempt]);
      if (outcome === null || !FINAL.includes(outcome)) continue;
      ends.set(deliveryId, [...(ends.get(deliveryId) ?? []), { outcome, attempt }]);
    }
  }
  return new Map(
    [...attempts].map(([deliveryId, numbers]) => {
      const own = ends.get(deliveryId) ?? [];
      const firstEnd = Math.min(...own.map(({ attempt }) => attempt));
      return [
        deliveryId,
        {
          ends: own.map(({ outcome }) => outcome),
          afterTheEnd: numbers.filter((attempt) => attempt > firstEnd).length,
          ambiguous: ambiguous.get(deliveryId) ?? 0,
        },
      ];
    }),
  );
}
