/** Refusals of a whole request by platforms that take all of it or nothing, but may name the events that are to blame. */
import type { AttemptOutcome } from '@tributary/domain';
import { refused, retry } from './definition.ts';

/** How many faults are told in words: a few are enough to understand a refusal, and a batch may have thousands. */
export const FAULTS_TOLD = 3;

export interface BatchRefusal {
  readonly deliveryCount: number;
  /** Places of the events that the platform finds fault with, 0 for the first; empty where it names none. */
  readonly named: readonly number[];
  /** Why an event that is to blame is refused. */
  readonly reason: string;
  /** The platform's own words. */
  readonly detail?: string | undefined;
}

/**
 * The events named are refused, the others go again without them; where none is named, all go in smaller requests until the
 * bad one is alone.
 */
export function refuseBatch({ deliveryCount, named, reason, detail }: BatchRefusal): AttemptOutcome[] {
  const bad = new Set(deliveryCount === 1 ? [0] : named);
  return Array.from({ length: deliveryCount }, (_, place) =>
    bad.has(place) ? refused(reason, 'event', detail) : retry('batch_refused', { detail, splitBatch: true }),
  );
}
