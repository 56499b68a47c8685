/** Which deliveries a decided conversion asks for: subscriptions whose filter it fits, one outward event each. */
import type { Configuration, Subscription } from '@tributary/configuration';
import type { ConversionDecided } from '@tributary/contracts';
import { outwardEvent } from '@tributary/destinations';
import { outwardKey } from '@tributary/domain';
import type { Receiver, Receivers } from './receivers.ts';

/** One outward event of one conversion to one receiver. */
export interface PlannedDelivery {
  readonly deliveryId: string;
  readonly outwardEvent: string;
  readonly receiver: Receiver;
}

/** The deliveries of a decision, one per destination and event even where several subscriptions ask for it. */
export function planDeliveries(
  decided: ConversionDecided,
  configuration: Configuration,
  receivers: Receivers,
): readonly PlannedDelivery[] {
  const planned = new Map<string, PlannedDelivery>();
  for (const subscription of configuration.subscriptions()) {
    if (!fits(subscription.filter, decided)) continue;
    const lookup = receivers.find(configuration, subscription.destinationId);
    if (!lookup.ok) continue;
    const { receiver } = lookup;
    if (!concerns(receiver, decided)) continue;
    const event =
      subscription.events?.[decided.eventType] ??
      outwardEvent(receiver.definition, receiver.settings, decided.eventType);
    if (event === null) continue;
    const deliveryId = outwardKey(decided.conversionId, receiver.destination.id, event);
    planned.set(deliveryId, { deliveryId, outwardEvent: event, receiver });
  }
  return [...planned.values()];
}

/** A destination of one advertiser or partner never sees another's conversions, whatever its subscriptions say. */
function concerns({ destination }: Receiver, decided: ConversionDecided): boolean {
  const isOfAdvertiser =
    destination.advertiserId === undefined || destination.advertiserId === decided.advertiserId;
  const isOfPartner = destination.partnerId === undefined || destination.partnerId === decided.partnerId;
  return isOfAdvertiser && isOfPartner;
}

function fits(filter: Subscription['filter'], decided: ConversionDecided): boolean {
  return (
    includes(filter.matches, decided.match) &&
    includes(filter.states, decided.state) &&
    includes(filter.eventTypes, decided.eventType) &&
    includes(filter.offerIds, decided.offerId) &&
    includes(filter.partnerIds, decided.partnerId) &&
    includes(filter.sourceIds, decided.sourceId)
  );
}

function includes(allowed: readonly string[] | undefined, value: string | null): boolean {
  return allowed === undefined || (value !== null && allowed.includes(value));
}
