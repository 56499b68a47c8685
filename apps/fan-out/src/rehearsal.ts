/** Whether a destination is live: of one that is not, all deliveries are rehearsals. */
import type { Destination } from '@tributary/configuration';
import type { DestinationMode } from '@tributary/domain';

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
