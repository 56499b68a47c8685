/** What becomes of deliveries to a destination that is not live: the same work, and in the end nobody has been told. */
import type { Destination } from '@tributary/configuration';
import type { DestinationMode } from '@tributary/domain';
import type { DeliveryOutcome } from './delivery-records.ts';

interface Configured {
  readonly destination: Pick<Destination, 'mode'>;
}

export function modeOf({ destination }: Configured): DestinationMode {
  return destination.mode ?? 'live';
}

/** @param receiver null where the destination is gone. */
export function isRehearsal(receiver: Configured | null): boolean {
  return receiver !== null && modeOf(receiver) !== 'live';
}

/**
 * How a rehearsal ends: with the reason why it would have gone wrong, and with none where it would have gone well. It is not
 * tried again: only what is sent once more at once, in a smaller request or with a new token, goes on.
 */
export function rehearsedEnd(end: DeliveryOutcome): DeliveryOutcome {
  const goesOn = end.outcome === 'retry' && end.nextAttemptAt === null;
  if (goesOn || end.outcome === 'superseded') return end;
  return { outcome: 'rehearsed', reasonCode: end.reasonCode, nextAttemptAt: null, mayHaveArrived: false };
}
