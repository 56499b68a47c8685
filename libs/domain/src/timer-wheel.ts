/** The timer wheel behind `delivery.due.*`: at which level a record waits, when it is popped, and what happens then. */

/** The levels, one topic each, shortest first. */
export const TIMER_LEVELS = ['1s', '5s', '30s', '5m', '1h'] as const;
export type TimerLevel = (typeof TIMER_LEVELS)[number];

/**
 * How long a record rests at a level before it is popped, in milliseconds.
 *
 * | level | rests  | why                                                        |
 * |-------|--------|------------------------------------------------------------|
 * | 1s    | 1 s    | first step of the fast ladder, and the finest rest         |
 * | 5s    | 5 s    | second step                                                |
 * | 30s   | 30 s   | third step                                                 |
 * | 5m    | 5 min  | Retry-After and breaker pauses                             |
 * | 1h    | 1 h    | the longest Retry-After honoured; longer waits hop by hour |
 */
export const TIMER_LEVEL_MS: Readonly<Record<TimerLevel, number>> = {
  '1s': 1_000,
  '5s': 5_000,
  '30s': 30_000,
  '5m': 300_000,
  '1h': 3_600_000,
};

const SMALLEST_LEVEL: TimerLevel = '1s';

/** The largest level that does not overshoot what is left to wait; the smallest when even that would. */
export function levelFor(remainderMs: number): TimerLevel {
  return TIMER_LEVELS.findLast((level) => TIMER_LEVEL_MS[level] <= remainderMs) ?? SMALLEST_LEVEL;
}

export interface TimerEntry {
  /** When the record is to be acted on; epoch milliseconds, UTC. */
  readonly dueAt: number;
  /** When it was put on its level; epoch milliseconds, UTC. */
  readonly enqueuedAt: number;
  readonly levelMs: number;
}

/**
 * When the head of a level's partition is popped; epoch milliseconds, UTC.
 *
 * All records of a level rest equally long, so the head of a partition is the first to be ready and the partition pauses
 * for it alone. `dueAt` is earlier only at the smallest level, for a record with less than that level to wait.
 */
export function whenToPop({ dueAt, enqueuedAt, levelMs }: TimerEntry): number {
  return Math.min(dueAt, enqueuedAt + levelMs);
}

export type PopDecision =
  | { readonly kind: 'due' }
  | { readonly kind: 'move'; readonly level: TimerLevel }
  | { readonly kind: 'wait'; readonly until: number };

/**
 * What to do with a record popped at `now`: act on it, move it to a smaller level, or keep it at the head.
 *
 * It is `due` never before `dueAt`. Below the smallest level it waits at the head, because a hop would overshoot; that
 * holds its partition for less than one second. Each hop decides afresh from `dueAt`, so lateness does not add up: a
 * record is acted on as late as its last pop was, plus at most one second behind a waiting head.
 */
export function decidePop({ dueAt, now }: { readonly dueAt: number; readonly now: number }): PopDecision {
  const remainderMs = dueAt - now;
  if (remainderMs <= 0) return { kind: 'due' };
  if (remainderMs < TIMER_LEVEL_MS[SMALLEST_LEVEL]) return { kind: 'wait', until: dueAt };
  return { kind: 'move', level: levelFor(remainderMs) };
}
