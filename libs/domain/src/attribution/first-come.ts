/** The rules that follow the order of the log: the first of a customer, the place in a tier, the place under a cap. */
import type { Money } from '../money.ts';
import { tierPeriodOf } from '../payout.ts';
import { type AppliedCap, capsOf, fitsCap } from './caps.ts';
import type { CapPlace, FirstCome, TierPlace, Undecided } from './conversion.ts';
import { occurredAtOf, takesBack } from './facts.ts';
import { capKey, customerKey, tierKey } from './keys.ts';
import type { KnownFacts } from './known-facts.ts';
import { isBefore } from './report.ts';
import type { OfferTerms } from './terms.ts';
import { nextPosition } from './tier-use.ts';

/**
 * Whether no other conversion of the class and the customer stands earlier in the log; null without a customer. A conversion
 * stands where its customer id came, so a customer has at most one first, even when a later report names the customer.
 */
export function isFirstOfCustomer(conversion: Undecided, known: KnownFacts): boolean | null {
  const { firstCome, facts, eventClass, conversionId } = conversion;
  const { customerId, customerPosition } = facts;
  if (firstCome.isFirstOfCustomer !== null) return firstCome.isFirstOfCustomer;
  if (customerId === null || customerPosition === null) return null;
  return !known.conversionsOfCustomer(customerKey(conversion, customerId)).some((other) => {
    const isOther =
      other.conversionId !== conversionId && other.eventClass === eventClass && !takesBack(other);
    const position = other.facts.customerPosition;
    return isOther && position !== null && isBefore(position, customerPosition);
  });
}

/** Who is paid by which terms: what the places are asked for. */
export interface Payee {
  readonly terms: OfferTerms;
  readonly eventType: string;
  readonly partnerId: string | null;
  readonly isFirstOfCustomer: boolean | null;
}

/** Its number among those its tiers count, kept once given; null where no tier counts it. */
export function tierPlaceOf(
  { firstCome, facts, isTest, lane }: Undecided,
  { terms, eventType, partnerId, isFirstOfCustomer: isFirst }: Payee,
  known: KnownFacts,
): TierPlace | null {
  const occurredAt = occurredAtOf(facts);
  const period = tierPeriodOf(
    { eventType, partnerId, isFirstOfCustomer: isFirst, occurredAt },
    terms.payouts,
  );
  if (period === null) return null;
  const key = tierKey(lane, terms.offerId, partnerId, eventType);
  const { periodStart } = period;
  const kept = firstCome.tiers.find((place) => place.key === key && place.periodStart === periodStart);
  if (kept !== undefined) return kept;
  // A test is priced like the first of its month, and takes nobody's place.
  return { key, periodStart, position: isTest ? 0 : nextPosition(known.tierUse(key, periodStart)) };
}

/** What the caps let through, and the places they gave. */
export interface Capped {
  readonly payout: Money | null;
  readonly isReached: boolean;
  readonly caps: readonly CapPlace[];
}

/**
 * Asks every cap for a place; all must give one, else none is taken and there is no payout. A place is asked for once: what
 * was refused stays refused, and what was given is never given back.
 *
 * A payout that grows by an update asks for the difference; where that does not fit, it stays at what it had.
 */
export function capped(
  { firstCome, facts, isTest, lane }: Undecided,
  { terms, eventType, partnerId }: Payee,
  payout: Money,
  known: KnownFacts,
): Capped {
  const { caps } = firstCome;
  const capsInForce = () => capsOf(terms.caps, { partnerId, eventType, occurredAt: occurredAtOf(facts) });
  const applied = isTest ? [] : capsInForce().map((cap) => ({ ...cap, key: capKey(lane, cap.key) }));
  if (applied.length === 0) return { payout, isReached: false, caps };
  const asked = applied.map((cap) => ({ cap, place: placeUnder(caps, cap) }));
  if (asked.some(({ place }) => place?.isGranted === false)) return { payout: null, isReached: true, caps };
  const isFitting = asked.every(({ cap, place }) => fits(cap, place, payout, known));
  if (isFitting)
    return {
      payout,
      isReached: false,
      caps: withPlaces(
        caps,
        asked.map(({ cap }) => placeFor(cap, payout, true)),
      ),
    };
  const fresh = asked.flatMap(({ cap, place }) => (place === null ? [placeFor(cap, payout, false)] : []));
  if (fresh.length > 0) return { payout: null, isReached: true, caps: withPlaces(caps, fresh) };
  return { payout: asBefore(payout, asked), isReached: true, caps };
}

function fits(cap: AppliedCap, place: CapPlace | null, payout: Money, known: KnownFacts): boolean {
  const use = known.capUse(cap.key, cap.periodStart);
  if (place === null) return fitsCap(cap, use, payout);
  const grownBy = payout.micros - place.payoutMicros;
  if (cap.limit.kind === 'count') return true;
  if (grownBy <= 0n) return payout.currency === cap.limit.money.currency;
  return fitsCap(cap, use, { ...payout, micros: grownBy });
}

function placeUnder(caps: readonly CapPlace[], cap: AppliedCap): CapPlace | null {
  return caps.find(({ key, periodStart }) => key === cap.key && periodStart === cap.periodStart) ?? null;
}

function placeFor(
  { capId, key, periodStart, limit }: AppliedCap,
  payout: Money,
  isGranted: boolean,
): CapPlace {
  const counts = isGranted && limit.kind === 'payout' && payout.micros > 0n;
  return { capId, key, periodStart, isGranted, payoutMicros: counts ? payout.micros : 0n };
}

/** Use never falls: of an old and a new place under one cap the larger amount stands. */
function withPlaces(caps: readonly CapPlace[], places: readonly CapPlace[]): readonly CapPlace[] {
  const isSamePlace = (a: CapPlace, b: CapPlace) => a.key === b.key && a.periodStart === b.periodStart;
  const others = caps.filter((cap) => !places.some((place) => isSamePlace(place, cap)));
  const merged = places.map((place) => {
    const old = caps.find((cap) => isSamePlace(cap, place));
    return old !== undefined && old.payoutMicros > place.payoutMicros ? old : place;
  });
  return [...others, ...merged];
}

/** The amount its places hold; none in another currency than they count in. */
function asBefore(
  payout: Money,
  asked: readonly { readonly cap: AppliedCap; readonly place: CapPlace | null }[],
): Money | null {
  let { micros } = payout;
  for (const { cap, place } of asked) {
    if (cap.limit.kind === 'count' || place === null) continue;
    if (cap.limit.money.currency !== payout.currency) return null;
    if (place.payoutMicros < micros) micros = place.payoutMicros;
  }
  return { ...payout, micros };
}

/** What is kept of the places that were given. */
export function keptPlaces(
  before: FirstCome,
  given: {
    readonly isFirstOfCustomer: boolean | null;
    readonly tier: TierPlace | null;
    readonly caps: readonly CapPlace[];
  },
): FirstCome {
  const { tier } = given;
  const isNew =
    tier !== null &&
    !before.tiers.some(({ key, periodStart }) => key === tier.key && periodStart === tier.periodStart);
  return {
    isFirstOfCustomer: given.isFirstOfCustomer,
    caps: given.caps,
    tiers: isNew ? [...before.tiers, tier] : before.tiers,
  };
}
