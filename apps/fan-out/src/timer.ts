/** The timer wheel over the delivery.due topics: which record of a batch has come to its time, and where the others go. */
import type { IncomingEvent, PartitionBatch } from '@tributary/bus';
import { decidePop, TIMER_LEVEL_MS, type TimerLevel, whenToPop } from '@tributary/domain';

export type DueTopic = `delivery.due.${TimerLevel}.v1`;
export type DueEvent = IncomingEvent<DueTopic>;

export const DUE_TOPICS: readonly DueTopic[] = [
  'delivery.due.1s.v1',
  'delivery.due.5s.v1',
  'delivery.due.30s.v1',
  'delivery.due.5m.v1',
  'delivery.due.1h.v1',
];

export function dueTopic(level: TimerLevel): DueTopic {
  return `delivery.due.${level}.v1`;
}

/** What to do with the records at the head of a level's partition. */
export interface Popped {
  readonly due: readonly DueEvent[];
  readonly moved: readonly { readonly event: DueEvent; readonly level: TimerLevel }[];
}

/** A record so close to its time that moving it would overshoot waits at the head this long at most. */
const LONGEST_SLEEP_MS = 1_000;

/**
 * Waits for the head of the batch and takes every record whose time has come; empty when the wait is to be repeated.
 * A partition waits for its head only, never for a destination.
 */
export async function popDue(batch: PartitionBatch<DueTopic>, now: () => number): Promise<Popped> {
  const levelMs = levelMsOf(batch.topic);
  const [head] = batch.events;
  if (head === undefined) return { due: [], moved: [] };
  await sleepUntil(whenToPop({ ...head.event, levelMs }), now, batch.signal);
  const due: DueEvent[] = [];
  const moved: { event: DueEvent; level: TimerLevel }[] = [];
  for (const event of batch.events) {
    if (whenToPop({ ...event.event, levelMs }) > now()) break;
    const decision = decidePop({ dueAt: event.event.dueAt, now: now() });
    if (decision.kind === 'move') moved.push({ event, level: decision.level });
    else if (decision.kind === 'due') due.push(event);
    else if (due.length + moved.length > 0) break;
    else {
      await sleepUntil(decision.until, now, batch.signal);
      if (now() < decision.until) break;
      due.push(event);
    }
  }
  return { due, moved };
}

function levelMsOf(topic: DueTopic): number {
  const level = (Object.keys(TIMER_LEVEL_MS) as TimerLevel[]).find(
    (candidate) => dueTopic(candidate) === topic,
  );
  if (level === undefined) throw new Error(`${topic} is no level of the timer wheel`);
  return TIMER_LEVEL_MS[level];
}

/** Sleeps in short pieces, so that a lost partition or a drain ends it. */
async function sleepUntil(instant: number, now: () => number, signal: AbortSignal): Promise<void> {
  for (let restMs = instant - now(); restMs > 0 && !signal.aborted; restMs = instant - now()) {
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, Math.min(restMs, LONGEST_SLEEP_MS));
      signal.addEventListener('abort', done);
    });
  }
}
