/** How far the lanes of each partition have been decided: the place and the instant that every decision is given. */
import type { attribution } from '@tributary/domain';
import type { Clock } from '@tributary/runtime';

interface Progress {
  readonly offset: number;
  /** Every postback that the edge received before it has been decided here, but for those that wait in a spool. */
  readonly readUntil: number;
  readonly now: number;
}

/** A clock that is further ahead than this is wrong, and is not followed: deadlines would pass early. */
const MAX_AHEAD_MS = 5_000;

const NOTHING_READ: Progress = { offset: 0, readUntil: 0, now: 0 };

/** What an input of a turn has of its own. */
export interface InputPlace {
  /** Of a postback; any other input stands at the last postback decided. */
  readonly offset?: number;
  readonly watermarkReached?: boolean;
}

/** Gives each input of one turn its moment. */
export type Turn = (place?: InputPlace) => attribution.Moment;

export class LaneProgress {
  readonly #clock: Clock;
  readonly #byPartition = new Map<number, Progress>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * A turn of a partition: a batch of postbacks or orders, or one look of the clock. All of it is decided at one instant, later
   * than every turn before, whatever the clock does. So the instant on record names the turn, and a replay finds its order.
   */
  turn(partition: number, configurationVersion: number): Turn {
    const progress = this.#of(partition);
    const now = Math.max(progress.now + 1, this.#clock.now());
    this.#byPartition.set(partition, { ...progress, now });
    return ({ offset = progress.offset, watermarkReached = false } = {}) => ({
      now,
      watermarkReached,
      laneReadUntil: progress.readUntil,
      position: { partition, offset },
      configurationVersion,
    });
  }

  /**
   * The owner before has decided everything below `next`, and its last revision at `lastDecidedAt`; it may have had another
   * clock.
   */
  takenOver(partition: number, next: number, lastDecidedAt = 0): void {
    const progress = this.#of(partition);
    const last = Math.min(lastDecidedAt, this.#clock.now() + MAX_AHEAD_MS);
    this.#byPartition.set(partition, {
      ...progress,
      offset: Math.max(progress.offset, next - 1),
      now: Math.max(progress.now, last),
    });
  }

  /** Everything up to the postback at this offset has been decided. */
  decided(partition: number, offset: number, receivedAt: number): void {
    const { readUntil, now } = this.#of(partition);
    this.#byPartition.set(partition, { offset, readUntil: Math.max(readUntil, receivedAt), now });
  }

  /** The partition ended at `end` at that instant: when everything below is decided, so is all that was received until then. */
  ended(partition: number, end: number, at: number): void {
    const progress = this.#of(partition);
    const isRead = end === 0 || progress.offset >= end - 1;
    if (!isRead || at <= progress.readUntil) return;
    this.#byPartition.set(partition, { ...progress, readUntil: at });
  }

  readUntil(partition: number): number {
    return this.#of(partition).readUntil;
  }

  #of(partition: number): Progress {
    return this.#byPartition.get(partition) ?? NOTHING_READ;
  }
}
