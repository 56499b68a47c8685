/** What is under way and need not be waited for: where it stands, and when the record that asked for it comes again. */
import type { DestinationLane, LaneAnswer, LaneItem, Ticket } from './destination-lane.ts';

/** Null: all is on record that is to be. An instant: the record that asked comes again then. */
export type StepAnswer = number | null;

/** How long what is under way keeps a further record about the same thing waiting. */
export const BUSY_MS = 1_000;

/** A step under way. */
export interface Underway {
  /** @throws DependencyFailure */
  readonly answer: Promise<StepAnswer>;
  /** Whether it is its destination that keeps it waiting, and for longer than anybody waits. */
  readonly isHeldUp: boolean;
  /**
   * It is waited for no longer. What has not begun gives its place up; what has begun goes on.
   * @returns when the record that asked has to come again; `hasBegun`: in case that the process dies.
   */
  detach(): { readonly hasBegun: boolean; readonly comeBackAt: number };
}

/** Where a step stands: before its lane, in its queue, or being sent. */
export interface Place {
  ticket: Ticket | null;
  /** Nobody waits for it any more, so it stands in no queue. */
  isLetGo: boolean;
  /** Answers before the step has ended. */
  readonly early: PromiseWithResolvers<StepAnswer>;
}

/** Nothing is under way: it is over, or the record that asked comes again. */
export function done(answer: StepAnswer): Underway {
  return {
    answer: Promise.resolve(answer),
    isHeldUp: false,
    detach: () => ({ hasBegun: answer === null, comeBackAt: answer ?? 0 }),
  };
}

/**
 * Queues an item and waits until it is sent or sent back.
 * @param guardAt when the record that asked comes again in case that this process dies, epoch ms.
 * @throws what sending has thrown
 */
export function goThrough<Item extends LaneItem>(
  lane: Pick<DestinationLane<Item>, 'submit' | 'isSlow'>,
  item: Item,
  place: Place,
  guardAt: number,
): Promise<LaneAnswer> {
  const ticket = lane.submit(item);
  place.ticket = ticket;
  if (place.isLetGo) ticket.leave();
  // One that is known to be slow is not waited for at all, or every batch with something for it would be slow.
  if (ticket.isTaken && lane.isSlow) place.early.resolve(guardAt);
  return ticket.answer;
}
