/** Which deliveries a decided conversion asks for: subscriptions whose filter it fits, one outward event each. */
import type { Configuration, Subscription } from '@tributary/configuration';
import type { ConversionDecided } from '@tributary/contracts';
import { outwardEvent } from '@tributary/destinations';
import { outwardKey } from '@tributary/domain';
import type { Receiver, ReceiverProblem, Receivers } from './receivers.ts';

/** One outward event of one conversion to one receiver. */
export interface PlannedDelivery {
  readonly deliveryId: string;
  readonly destinationId: string;
  readonly outwardEvent: string;
  readonly receiver: Receiver;
}

/** Why a subscription that a decision fits leads to no delivery. */
export type WithheldReason = ReceiverProblem | 'subscription_too_new';

/** What a decision asks for, and what of it cannot be sent now. */
export interface DeliveryPlan {
  readonly deliveries: readonly PlannedDelivery[];
  readonly withheld: readonly { readonly destinationId: string; readonly reason: WithheldReason }[];
}

/**
 * The deliveries of a decision, one per destination and event even where several subscriptions ask for it.
 *
 * | what | judged by what is in force |
 * |---|---|
 * | filter and event names of a subscription | when the conversion occurred, so that all its revisions go the same ways |
 * | whether the subscription still exists | at `now` too: after a removal nothing more is planned |
 * | the destination: address, secrets, status, whose it is | at `now` |
 */
export function planDeliveries(
  decided: ConversionDecided,
  configuration: Configuration,
  receivers: Receivers,
  now: number,
): DeliveryPlan {
  const withheld: { destinationId: string; reason: WithheldReason }[] = [];
  const planned = new Map<string, PlannedDelivery>();
  const at = judgedAt(decided);
  for (const current of configuration.subscriptions(now)) {
    const revision = configuration.revision('subscription', current.id, at);
    if (revision === undefined && fits(current.filter, decided))
      withheld.push({ destinationId: current.destinationId, reason: 'subscription_too_new' });
    const subscription = revision?.entity ?? null;
    if (subscription === null || !fits(subscription.filter, decided)) continue;
    const lookup = receivers.find(configuration, subscription.destinationId, decided, now);
    if (!lookup.ok) {
      withheld.push({ destinationId: subscription.destinationId, reason: lookup.reason });
      continue;
    }
    const { receiver } = lookup;
    if (!concerns(receiver, decided)) continue;
    const event = outwardEventOf(subscription, receiver, decided.eventType);
    if (event === null) continue;
    const deliveryId = outwardKey(decided.conversionId, receiver.destination.id, event);
    planned.set(deliveryId, {
      deliveryId,
      destinationId: receiver.destination.id,
      outwardEvent: event,
      receiver,
    });
  }
  return { deliveries: [...planned.values()], withheld };
}

/** A sender may date a fact a day ahead; rules that are not yet in force when it comes in are none of its. */
function judgedAt({ occurredAt, receivedAt }: ConversionDecided): number {
  return Math.min(occurredAt, receivedAt);
}

/** The subscription's own name for the event type first; own properties only, since senders choose the type. */
function outwardEventOf(
  { events = {} }: Subscription,
  { definition, settings }: Receiver,
  eventType: string,
): string | null {
  const own = Object.hasOwn(events, eventType) ? events[eventType] : undefined;
  return own ?? outwardEvent(definition, settings, eventType);
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
