/** Conditions: a conversion that is paid only once something else has happened, and when waiting for that is over. */
import type { Passed, Undecided } from './conversion.ts';
import { occurredAtOf, statusOf, takesBack } from './facts.ts';
import { isSameScope, keysOf } from './keys.ts';
import type { KnownFacts } from './known-facts.ts';
import type { Moment } from './moment.ts';
import { isForeign } from './named-click.ts';
import type { OfferTerms } from './terms.ts';
import { CLOCK_SKEW_MS } from './windows.ts';

type Condition = NonNullable<OfferTerms['condition']>;

/** Whether the condition holds, is still waited for, or was not met in time. */
export type ConditionStanding =
  | { readonly kind: 'met' }
  | { readonly kind: 'awaited'; readonly heldUntil: number }
  | { readonly kind: 'expired'; readonly heldUntil: number };

/**
 * Judged by when things occurred: what happened in time releases the conversion even when it becomes known after the expiry,
 * by a new revision. Expired only when the clock and the lane are both past the deadline.
 */
export function conditionOf(
  conversion: Undecided,
  condition: Condition,
  known: KnownFacts,
  moment: Moment,
): ConditionStanding {
  if (isMet(conversion, condition, known)) return { kind: 'met' };
  const heldUntil = occurredAtOf(conversion.facts) + condition.withinMs;
  return hasPassed(heldUntil, conversion.passed, moment)
    ? { kind: 'expired', heldUntil }
    : { kind: 'awaited', heldUntil };
}

function hasPassed(heldUntil: number, passed: Passed, { now, laneReadUntil }: Moment): boolean {
  if (passed.heldUntil !== null && passed.heldUntil >= heldUntil) return true;
  return Math.min(now, laneReadUntil) >= heldUntil;
}

/** By an approved conversion of the required type of the same customer, of the same click or of the same transaction. */
export function isMet(conversion: Undecided, condition: Condition, known: KnownFacts): boolean {
  const { customer, click, transaction } = keysOf(conversion);
  const fits = (other: Undecided) => fulfils(other, conversion, condition) && !isForeign(other, known);
  return (
    (customer !== null && known.conversionsOfCustomer(customer).some(fits)) ||
    (click !== null && known.conversionsOfClick(click).some(fits)) ||
    (transaction !== null && known.conversionsOfTransaction(transaction).some(fits))
  );
}

function fulfils(other: Undecided, held: Undecided, { eventType, withinMs }: Condition): boolean {
  if (other.conversionId === held.conversionId || takesBack(other) || !isSameScope(other, held)) return false;
  if (!other.facts.eventTypes.includes(eventType) || !isApproved(other)) return false;
  const elapsedMs = occurredAtOf(other.facts) - occurredAtOf(held.facts);
  return elapsedMs >= -CLOCK_SKEW_MS && elapsedMs <= withinMs;
}

/** What a person ordered goes before what the source says. */
export function isApproved({ facts, orders }: Undecided): boolean {
  if (orders.ruling === 'rejected') return false;
  return orders.ruling === 'approved' || statusOf(facts) === 'approved';
}
