/** How far the lanes of each partition have been decided: the place and the instant that a decision without a postback is given. */
import type { attribution } from '@tributary/domain';
import type { Clock } from '@tributary/runtime';

interface Progress {
  readonly offset: number;
  /** Every postback that the edge received before it has been decided here, but for those that wait in a spool. */
  readonly readUntil: number;
  readonly now: number;
}

const NOTHING_READ: Progress = { offset: 0, readUntil: 0, now: 0 };

export class LaneProgress {
  readonly #clock: Clock;
  readonly #byPartition = new Map<number, Progress>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Where and when the next decision in a partition stands. Time never runs backwards there, whatever the clock does. */
  moment(
    partition: number,
    configurationVersion: number,
    {
      offset,
      watermarkReached = false,
    }: { readonly offset?: number; readonly watermarkReached?: boolean } = {},
  ): attribution.Moment {
    const progress = this.#of(partition);
    const now = Math.max(progress.now, this.#clock.now());
    this.#byPartition.set(partition, { ...progress, now });
    return {
      now,
      watermarkReached,
      laneReadUntil: progress.readUntil,
      position: { partition, offset: offset ?? progress.offset },
      configurationVersion,
    };
  }

  /** The owner before has decided everything below `next`. */
  takenOver(partition: number, next: number): void {
    const progress = this.#of(partition);
    this.#byPartition.set(partition, { ...progress, offset: Math.max(progress.offset, next - 1) });
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
