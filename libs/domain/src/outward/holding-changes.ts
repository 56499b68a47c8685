/** How a holding changes: a delivery about it begins, an attempt is made and ends, a delivery is withdrawn. */
import type { DeliveryEnd } from '../delivery.ts';
import { type DeliveryKind, type Holding, heldNow, type OutwardValue } from './holding.ts';

/** A delivery about to begin. */
export interface NewDelivery {
  readonly kind: DeliveryKind;
  readonly revision: number;
  readonly told: OutwardValue;
}

/** The first attempt of a delivery, intended. */
export function begun(before: Holding | null, { kind, revision, told }: NewDelivery): Holding {
  return {
    kind,
    revision,
    told,
    attempt: (before?.attempt ?? 0) + 1,
    tries: 1,
    phase: 'intended',
    outcome: null,
    mayHaveArrived: false,
    repeatedFor: 0,
    held: heldNow(before),
    eventRevision: kind === 'event' ? null : (before?.eventRevision ?? null),
  };
}

/** What was told last, told again unchanged because nobody knows whether it arrived; a ladder of its own. */
export function repeated(holding: Holding, repeatedFor: number): Holding {
  return { ...again(holding, 1), repeatedFor };
}

/**
 * The next attempt of an open delivery, intended. One whose end is missing may have arrived, and is made anew under its number.
 * @param isFree it uses up no try of the ladder.
 */
export function nextTry(holding: Holding, isFree = false): Holding {
  if (holding.phase === 'intended') return { ...holding, mayHaveArrived: true };
  return again(holding, holding.tries + (isFree ? 0 : 1));
}

function again(holding: Holding, tries: number): Holding {
  return { ...holding, attempt: holding.attempt + 1, tries, phase: 'intended', outcome: null };
}

/** @param mayHaveArrived whether this attempt may have arrived although it was not delivered. */
export function endedAs(holding: Holding, outcome: DeliveryEnd | 'retry', mayHaveArrived: boolean): Holding {
  const isDelivered = outcome === 'delivered';
  // Of a rehearsal nothing has arrived that counts.
  const isCertain = isDelivered || outcome === 'rehearsed';
  return {
    ...holding,
    phase: 'ended',
    outcome,
    mayHaveArrived: !isCertain && (holding.mayHaveArrived || mayHaveArrived),
    eventRevision: isDelivered && holding.kind === 'event' ? holding.revision : holding.eventRevision,
  };
}

/** An open delivery that surely has not arrived ends, for what it says holds no more. */
export function withdrawn(holding: Holding): Holding {
  return { ...holding, attempt: holding.attempt + 1, phase: 'ended', outcome: 'superseded' };
}

/**
 * What was delivered, and the receiver has not taken after all: the next attempt, about to end without anything being sent.
 * @param mayHaveArrived whether an earlier attempt may have arrived, whatever became of the one that was delivered.
 */
export function dropped(holding: Holding, mayHaveArrived: boolean): Holding {
  return {
    ...again(holding, holding.tries),
    mayHaveArrived,
    eventRevision: holding.kind === 'event' ? null : holding.eventRevision,
  };
}

/**
 * A delivery was withdrawn because the receiver held already what it should, and it has not taken that after all: the next
 * attempt, about to end without anything being sent.
 * @param held what it held before.
 */
export function undermined(holding: Holding, held: OutwardValue | null): Holding {
  return {
    ...again(holding, holding.tries),
    held,
    eventRevision: held === null ? null : holding.eventRevision,
  };
}

/** Deliveries that ended without the receiver holding what it should, or without anybody knowing whether it does. */
export function isWrong({ phase, outcome, held, mayHaveArrived }: Holding): boolean {
  if (phase !== 'ended') return false;
  // A rehearsal tells nobody anything: what was held before is what it should have put right.
  if (outcome === 'rehearsed') return held !== null || mayHaveArrived;
  return outcome === 'refused' || outcome === 'dead';
}
