/** Until when a platform takes an event or a correction of it. */
import type { DeliveryKind } from '@tributary/domain';
import type { DestinationDefinition, DestinationSettings } from './definition.ts';

/** What is to be told. All times are epoch milliseconds, UTC. */
export interface AgeingDelivery {
  readonly kind: DeliveryKind;
  /** The platform's name of the event itself. */
  readonly event: string;
  readonly occurredAt: number;
  /** When the revision was decided that it tells. */
  readonly toldAt: number;
}

/** Epoch ms; null where the platform does not say. A counter-event is an event of its own time, and ages like every other. */
export function takenUntil<S extends DestinationSettings>(
  definition: Pick<DestinationDefinition<S>, 'maxAgeMs' | 'corrections'>,
  settings: S,
  { kind, event, occurredAt, toldAt }: AgeingDelivery,
): number | null {
  const maxAgeMs = definition.maxAgeMs(settings);
  if (kind === 'event') return after(occurredAt, maxAgeMs);
  const form = definition.corrections(settings, event)[kind];
  if (form.form === 'impossible') return null;
  const limits = [
    after(occurredAt, form.maxAgeMs),
    form.form === 'counter_event' ? after(toldAt, maxAgeMs) : null,
  ].filter((limit) => limit !== null);
  return limits.length === 0 ? null : Math.min(...limits);
}

function after(at: number, ageMs: number | null): number | null {
  return ageMs === null ? null : at + ageMs;
}
