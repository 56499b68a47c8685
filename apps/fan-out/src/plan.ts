/** What a decided conversion asks for: the events its subscriptions send, and what receivers that hold it already should hold. */
import { type Configuration, type Destination, microsOf, type Subscription } from '@tributary/configuration';
import type { ConversionDecided } from '@tributary/contracts';
import { destinationFor, outwardEvent } from '@tributary/destinations';
import { givingWay, outwardKey, outwardValueOf, type Wish, wishOfState } from '@tributary/domain';
import {
  type ActiveDestination,
  isFault,
  type Receiver,
  type ReceiverProblem,
  type Receivers,
} from './receivers.ts';
import { isRehearsal } from './rehearsal.ts';
import type { Standing } from './send-ledger.ts';
import { holds } from './subscription-conditions.ts';

/** One outward event of one conversion to one receiver. */
export interface PlannedDelivery {
  readonly deliveryId: string;
  readonly destinationId: string;
  readonly outwardEvent: string;
  readonly receiver: Receiver;
}

/** One that ends dead unless what is wrong with its destination is mended before it is sent. */
export interface FaultyDelivery extends Omit<PlannedDelivery, 'receiver'> {
  /** Null where it is disabled, or this release does not know the definition. */
  readonly active: ActiveDestination | null;
}

/** Why a subscription that a decision fits leads to no delivery. */
export type WithheldReason = ReceiverProblem | 'subscription_too_new';

/** What a decision asks for, and what of it cannot be sent now. */
export interface DeliveryPlan {
  readonly deliveries: readonly PlannedDelivery[];
  readonly faulty: readonly FaultyDelivery[];
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
 *
 * What a fault of a live destination keeps from being sent is a delivery all the same: it ends dead, and can be replayed. What
 * is switched off, gone or not asked for is withheld.
 * @param endsDead which problems of a destination are such faults.
 */
export function planDeliveries(
  decided: ConversionDecided,
  configuration: Configuration,
  receivers: Receivers,
  now: number,
  endsDead = isFault,
): DeliveryPlan {
  const withheld: { destinationId: string; reason: WithheldReason }[] = [];
  const planned = new Map<string, PlannedDelivery>();
  const faulty = new Map<string, FaultyDelivery>();
  // What was rejected or taken back before it was delivered is never sent.
  if (decided.state === 'rejected' || decided.state === 'reversed')
    return { deliveries: [], faulty: [], withheld };
  const at = judgedAt(decided);
  for (const current of configuration.subscriptions(now)) {
    const revision = configuration.revision('subscription', current.id, at);
    if (revision === undefined && fits(current.filter, decided))
      withheld.push({ destinationId: current.destinationId, reason: 'subscription_too_new' });
    const subscription = revision?.entity ?? null;
    if (subscription === null || !fits(subscription.filter, decided)) continue;
    const { destinationId } = subscription;
    const lookup = receivers.find(configuration, destinationId, decided, now);
    if (!lookup.ok) {
      const { reason } = lookup;
      const found = endsDead(reason) ? faultyDestination(configuration, receivers, destinationId, now) : null;
      if (found !== null && !concerns(found, decided)) continue;
      const event = found && nameByFaultySettings(subscription, found, decided.eventType);
      if (found === null || event === null) withheld.push({ destinationId, reason });
      else {
        const deliveryId = outwardKey(decided.conversionId, destinationId, event);
        faulty.set(deliveryId, { deliveryId, destinationId, outwardEvent: event, active: found.active });
      }
      continue;
    }
    const { receiver } = lookup;
    if (!concerns(receiver, decided)) continue;
    const { definition, settings } = receiver;
    const event = outwardEvent(definition, settings, decided.eventType, subscription);
    if (event === null) continue;
    const deliveryId = outwardKey(decided.conversionId, receiver.destination.id, event);
    planned.set(deliveryId, {
      deliveryId,
      destinationId: receiver.destination.id,
      outwardEvent: event,
      receiver,
    });
  }
  return { deliveries: [...planned.values()], faulty: [...faulty.values()], withheld };
}

/** What a destination should hold of a conversion under one event, beside what it does hold. */
export interface WishedHolding extends FaultyDelivery {
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
 *
 * @param endsDead as in {@link planDeliveries}.
 */
export function planHoldings(
  decided: ConversionDecided,
  standings: readonly Standing[],
  configuration: Configuration,
  receivers: Receivers,
  now: number,
  endsDead = isFault,
): { readonly wished: readonly WishedHolding[]; readonly withheld: DeliveryPlan['withheld'] } {
  const { deliveries, faulty, withheld } = planDeliveries(decided, configuration, receivers, now, endsDead);
  const byId = new Map(standings.map((standing) => [standing.holdingId, standing]));
  const value = outwardValueOf(decided);
  const sendable = deliveries.map(({ receiver: active, ...delivery }) => ({ ...delivery, active }));
  const asked = [...sendable, ...faulty].map(
    (each): WishedHolding => ({
      ...each,
      holding: byId.get(each.deliveryId) ?? null,
      wish: { kind: 'tell', value, isAskedFor: true },
    }),
  );
  const planned = new Set(asked.map(({ deliveryId }) => deliveryId));
  const unkept = new Map<string, ReceiverProblem>();
  const kept = standings
    .filter(({ holdingId }) => !planned.has(holdingId))
    .flatMap((holding): WishedHolding[] => {
      const { holdingId: deliveryId, destinationId, event } = holding;
      const lookup = receivers.findDestination(configuration, destinationId, now);
      const found = lookup.ok
        ? { active: lookup.active, destination: lookup.active.destination }
        : endsDead(lookup.reason)
          ? faultyDestination(configuration, receivers, destinationId, now)
          : null;
      if (found === null) {
        if (!lookup.ok) unkept.set(destinationId, lookup.reason);
        return [];
      }
      const { active } = found;
      const wish = wishOfHeld(decided, found, configuration);
      return [{ deliveryId, destinationId, outwardEvent: event, active, holding, wish }];
    });
  for (const { destinationId } of withheld) unkept.delete(destinationId);
  return {
    wished: [...withoutSecondNames(asked, kept), ...kept],
    withheld: [...withheld, ...Array.from(unkept, ([destinationId, reason]) => ({ destinationId, reason }))],
  };
}

/** What has waited for a destination that says nothing any more of what it is to be told: the end of it, which is dead. */
export function unsendable(
  decided: ConversionDecided,
  {
    deliveryId,
    destinationId,
    outwardEvent: event,
  }: Pick<PlannedDelivery, 'deliveryId' | 'destinationId' | 'outwardEvent'>,
  holding: Standing | null,
): WishedHolding {
  const wish = wishOfState(decided, outwardValueOf(decided), true);
  return { deliveryId, destinationId, outwardEvent: event, active: null, holding, wish };
}

/** An event whose name has changed goes on under the one it was told by. */
function withoutSecondNames(
  asked: readonly WishedHolding[],
  kept: readonly WishedHolding[],
): readonly WishedHolding[] {
  const way = givingWay(
    asked,
    kept.filter(({ wish }) => wish.kind === 'tell'),
  );
  return asked.flatMap((each) => {
    if (!way.has(each) || each.wish.kind !== 'tell') return [each];
    return each.holding === null ? [] : [{ ...each, wish: { ...each.wish, isAskedFor: false } }];
  });
}

interface FaultyDestination extends Pick<FaultyDelivery, 'active'> {
  readonly destination: Destination;
}

/** Null where nothing is to be told: it is gone or not live. */
function faultyDestination(
  configuration: Configuration,
  receivers: Receivers,
  destinationId: string,
  now: number,
): FaultyDestination | null {
  const destination = configuration.revision('destination', destinationId, now)?.entity ?? null;
  if (destination === null || isRehearsal({ destination })) return null;
  const lookup = receivers.findDestination(configuration, destinationId, now);
  return { destination, active: lookup.ok ? lookup.active : null };
}

/** Of an event nobody names: a replay goes by the name that it has once the fault is mended. */
const NAMED_AS_OURS = { events: {}, unmappedEvents: 'same_name' } as const;

/** Its names of events can be read where the rest of the settings cannot; null when it is not sent. */
function nameByFaultySettings(
  subscription: Subscription,
  { destination: { settings, definition: key } }: FaultyDestination,
  eventType: string,
): string | null {
  const events = eventNamesIn(settings);
  const definition = events === null ? null : destinationFor(key);
  return outwardEvent(definition ?? NAMED_AS_OURS, { events: events ?? {} }, eventType, subscription);
}

/** Null where they cannot be read either. */
function eventNamesIn({ events = {} }: Destination['settings']): Readonly<Record<string, string>> | null {
  if (typeof events !== 'object' || events === null) return null;
  const names = Object.entries(events);
  return names.every((each): each is [string, string] => typeof each[1] === 'string' && each[1] !== '')
    ? Object.fromEntries(names)
    : null;
}

function wishOfHeld(
  decided: ConversionDecided,
  found: Pick<FaultyDestination, 'destination'>,
  configuration: Configuration,
): Wish {
  const { state, match } = decided;
  if (match === 'parked' || state === 'held') return { kind: 'undecided' };
  if (state === 'rejected' || state === 'reversed') return { kind: 'nothing', state };
  const subscriptions = configuration
    .subscriptions(judgedAt(decided))
    .filter(({ destinationId }) => destinationId === found.destination.id);
  const credited = subscriptions.filter(({ filter }) => isCredited(filter, decided));
  if (!concerns(found, decided) || credited.length === 0) return { kind: 'nothing', state: 'rejected' };
  if (state === 'pending' && credited.every(({ filter }) => !filter.states.includes(state)))
    return { kind: 'undecided' };
  return { kind: 'tell', value: outwardValueOf(decided), isAskedFor: false };
}

/** A sender may date a fact a day ahead; rules that are not yet in force when it comes in are none of its. */
function judgedAt({ occurredAt, receivedAt }: ConversionDecided): number {
  return Math.min(occurredAt, receivedAt);
}

/** A destination of one advertiser or partner never sees another's conversions, whatever its subscriptions say. */
function concerns(
  { destination }: Pick<ActiveDestination, 'destination'>,
  decided: ConversionDecided,
): boolean {
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

function includes(allowed: readonly string[] | undefined, value: string | null): boolean {
  return allowed === undefined || (value !== null && allowed.includes(value));
}
