/** The timer wheel over the delivery.due topics: which record of a batch has come to its time, and where the others go. */
import { type IncomingEvent, type OutgoingRecord, outgoing, type PartitionBatch } from '@tributary/bus';
import type { DeliveryDue } from '@tributary/contracts';
import { decidePop, levelFor, TIMER_LEVEL_MS, type TimerLevel, whenToPop } from '@tributary/domain';

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

/** In the timer wheel, at the level for its time. */
export function dueRecord(key: string, due: DeliveryDue, now: number): OutgoingRecord {
  return outgoing(dueTopic(levelFor(due.dueAt - now)), key, due);
}

/** What to do with the records at the head of a level's partition. */
export interface Popped {
  readonly due: readonly DueEvent[];
  readonly moved: readonly { readonly event: DueEvent; readonly level: TimerLevel }[];
  /** When the next of the batch is to be popped, epoch ms; a partition waits for its head only, never for a destination. */
  readonly resumeAt?: number;
}

/** Takes every record from the head of the batch on whose time has come. */
export function popDue(batch: PartitionBatch<DueTopic>, now: number): Popped {
  const levelMs = levelMsOf(batch.topic);
  const due: DueEvent[] = [];
  const moved: { event: DueEvent; level: TimerLevel }[] = [];
  for (const event of batch.events) {
    const popAt = whenToPop({ ...event.event, levelMs });
    if (popAt > now) return { due, moved, resumeAt: popAt };
    const decision = decidePop({ dueAt: event.event.dueAt, now });
    if (decision.kind === 'move') moved.push({ event, level: decision.level });
    else if (decision.kind === 'due') due.push(event);
    // So close to its time that moving it would overshoot: it waits at the head.
    else return { due, moved, resumeAt: decision.until };
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
