/** What a decided conversion asks for: the events its subscriptions send, and what receivers that hold it already should hold. */
import type { Configuration, Subscription } from '@tributary/configuration';
import type { ConversionDecided } from '@tributary/contracts';
import { outwardEvent } from '@tributary/destinations';
import { isTold, outwardKey, outwardValueOf, parseDecimalToMicros, type Wish } from '@tributary/domain';
import type { ActiveDestination, Receiver, ReceiverProblem, Receivers } from './receivers.ts';
import type { Standing } from './send-ledger.ts';
import { holds } from './subscription-conditions.ts';

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
  // What was rejected or taken back before it was delivered is never sent.
  if (decided.state === 'rejected' || decided.state === 'reversed') return { deliveries: [], withheld };
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

/** What a destination should hold of a conversion under one event, beside what it does hold. */
export interface WishedHolding extends Omit<PlannedDelivery, 'receiver'> {
  readonly active: ActiveDestination;
  readonly holding: Standing | null;
  readonly wish: Wish;
}

/**
 * What each destination should hold by a revision: what the subscriptions ask for, and what is held already.
 *
 * | of what is held                                              | the wish                                          |
 * |--------------------------------------------------------------|---------------------------------------------------|
 * | parked, held, or pending where that is not asked for         | undecided                                         |
 * | rejected, reversed                                           | nothing                                           |
 * | credited to a partner, an offer or a match not asked for     | nothing                                           |
 * | anything else: below a minimum, of another event type or name | as before under its name, with the value it has now |
 */
export function planHoldings(
  decided: ConversionDecided,
  standings: readonly Standing[],
  configuration: Configuration,
  receivers: Receivers,
  now: number,
): { readonly wished: readonly WishedHolding[]; readonly withheld: DeliveryPlan['withheld'] } {
  const { deliveries, withheld } = planDeliveries(decided, configuration, receivers, now);
  const byId = new Map(standings.map((standing) => [standing.holdingId, standing]));
  const value = outwardValueOf(decided);
  const asked = deliveries.map(
    (planned): WishedHolding => ({
      deliveryId: planned.deliveryId,
      destinationId: planned.destinationId,
      outwardEvent: planned.outwardEvent,
      active: planned.receiver,
      holding: byId.get(planned.deliveryId) ?? null,
      wish: { kind: 'tell', value, isAskedFor: true },
    }),
  );
  const planned = new Set(deliveries.map(({ deliveryId }) => deliveryId));
  const unkept = new Map<string, ReceiverProblem>();
  const kept = standings
    .filter(({ holdingId }) => !planned.has(holdingId))
    .flatMap((holding): WishedHolding[] => {
      const lookup = receivers.findDestination(configuration, holding.destinationId, now);
      if (!lookup.ok) {
        unkept.set(holding.destinationId, lookup.reason);
        return [];
      }
      const { active } = lookup;
      const wish = wishOfHeld(decided, active, configuration);
      const { holdingId: deliveryId, destinationId, event } = holding;
      return [{ deliveryId, destinationId, outwardEvent: event, active, holding, wish }];
    });
  for (const { destinationId } of withheld) unkept.delete(destinationId);
  return {
    wished: [...withoutSecondNames(asked, kept), ...kept],
    withheld: [...withheld, ...Array.from(unkept, ([destinationId, reason]) => ({ destinationId, reason }))],
  };
}

/** An event whose name has changed goes on under the one it was told by: under both it would be two sales. */
function withoutSecondNames(
  asked: readonly WishedHolding[],
  kept: readonly WishedHolding[],
): readonly WishedHolding[] {
  const toldByDestination = new Map<string, number>();
  for (const { destinationId, holding, wish } of kept) {
    if (holding === null || wish.kind !== 'tell' || !(isTold(holding) || isRehearsed(holding))) continue;
    toldByDestination.set(destinationId, (toldByDestination.get(destinationId) ?? 0) + 1);
  }
  return asked.filter(({ destinationId, holding }) => {
    const told = toldByDestination.get(destinationId) ?? 0;
    if (holding !== null || told === 0) return true;
    toldByDestination.set(destinationId, told - 1);
    return false;
  });
}

/** Not told of it, but it is not to be told of it later either, under whatever name. */
function isRehearsed({ outcome }: Standing): boolean {
  return outcome === 'rehearsed';
}

function wishOfHeld(
  decided: ConversionDecided,
  active: ActiveDestination,
  configuration: Configuration,
): Wish {
  const { state, match } = decided;
  if (match === 'parked' || state === 'held') return { kind: 'undecided' };
  if (state === 'rejected' || state === 'reversed') return { kind: 'nothing', state };
  const subscriptions = configuration
    .subscriptions(judgedAt(decided))
    .filter(({ destinationId }) => destinationId === active.destination.id);
  const credited = subscriptions.filter(({ filter }) => isCredited(filter, decided));
  if (!concerns(active, decided) || credited.length === 0) return { kind: 'nothing', state: 'rejected' };
  if (state === 'pending' && credited.every(({ filter }) => !filter.states.includes(state)))
    return { kind: 'undecided' };
  return { kind: 'tell', value: outwardValueOf(decided), isAskedFor: false };
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
function concerns({ destination }: ActiveDestination, decided: ConversionDecided): boolean {
  const isOfAdvertiser =
    destination.advertiserId === undefined || destination.advertiserId === decided.advertiserId;
  const isOfPartner = destination.partnerId === undefined || destination.partnerId === decided.partnerId;
  return isOfAdvertiser && isOfPartner;
}

function fits(filter: Subscription['filter'], decided: ConversionDecided): boolean {
  return (
    isCredited(filter, decided) &&
    includes(filter.states, decided.state) &&
    includes(filter.eventTypes, decided.eventType) &&
    includes(filter.sourceIds, decided.sourceId) &&
    includes(filter.countries, (decided.country ?? decided.clickCountry)?.toUpperCase() ?? null) &&
    isInRange(filter.revenue, decided) &&
    (filter.conditions ?? []).every((condition) => holds(condition, decided)) &&
    (!isReversal(decided) || filter.eventTypes !== undefined)
  );
}

/** Whose the conversion is: what may change between its revisions without its being another fact. */
function isCredited(filter: Subscription['filter'], decided: ConversionDecided): boolean {
  return (
    includes(filter.matches, decided.match) &&
    includes(filter.offerIds, decided.offerId) &&
    includes(filter.partnerIds, decided.partnerId)
  );
}

/** A refund or chargeback: receivers learn of it by the correction of its original, and twice only where its type is named. */
function isReversal({ originalConversionId, reversedTransactionId }: ConversionDecided): boolean {
  return originalConversionId !== null || reversedTransactionId !== null;
}

function isInRange(range: Subscription['filter']['revenue'], decided: ConversionDecided): boolean {
  if (range === undefined) return true;
  const { revenue } = outwardValueOf(decided).amounts;
  if (revenue?.currency !== range.currency) return false;
  const [least, limit] = [range.atLeast, range.below].map((text) =>
    text === undefined ? null : microsOf(text),
  );
  return (least == null || revenue.micros >= least) && (limit == null || revenue.micros < limit);
}

/** The configuration takes no other text. */
function microsOf(text: string): bigint {
  const parsed = parseDecimalToMicros(text);
  if (!parsed.ok) throw new Error('a range of a subscription is no decimal');
  return parsed.micros;
}

function includes(allowed: readonly string[] | undefined, value: string | null): boolean {
  return allowed === undefined || (value !== null && allowed.includes(value));
}
