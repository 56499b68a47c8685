/** Which deliveries may share a request. */
import type { DestinationDefinition, DestinationSettings, OutwardDelivery } from './definition.ts';
import { envelopeOf } from './definition.ts';

/** Deliveries parted into requests, in their order: of one envelope each, and no more than the platform takes. */
export function batchesOf<S extends DestinationSettings>(
  definition: DestinationDefinition<S>,
  deliveries: readonly OutwardDelivery[],
  settings: S,
): OutwardDelivery[][] {
  const alike = Map.groupBy(deliveries, (delivery) => envelopeOf(definition, delivery, settings));
  return [...alike.values()].flatMap((group) => {
    const count = Math.ceil(group.length / definition.maxBatch);
    return Array.from({ length: count }, (_, index) =>
      group.slice(index * definition.maxBatch, (index + 1) * definition.maxBatch),
    );
  });
}
