/** How far ClickHouse has stored a topic: the offsets its own consumer group has committed, which it does after the rows are written. */
import { DependencyFailure } from '@tributary/runtime';

/** What Kafka knows about offsets; satisfied by the bus. */
export interface LogOffsets {
  /** Offset after the last record, by partition. */
  endOffsets(topic: string): Promise<ReadonlyMap<number, number>>;
  /** Next offset the group will read, by partition; -1 where it has committed nothing. */
  committedOffsets(groupId: string, topic: string): Promise<ReadonlyMap<number, number>>;
}

/** Offsets by partition. */
export type Watermark = ReadonlyMap<number, number>;

const POLL_MS = 100;

// Why not max(offset) from the table: a repeated record is merged away, and the table would never show its offset.
export class StoredOffsets {
  readonly #log: LogOffsets;
  readonly #database: string;

  constructor(log: LogOffsets, database: string) {
    this.#log = log;
    this.#database = database;
  }

  /** Where the topic ends now. @throws DependencyFailure */
  endOf(topic: string): Promise<Watermark> {
    return this.#log.endOffsets(topic);
  }

  /** Up to where ClickHouse shows the topic's records. @throws DependencyFailure */
  storedOf(topic: string): Promise<Watermark> {
    return this.#log.committedOffsets(`clickhouse.${this.#database}.${topic}`, topic);
  }

  /**
   * Waits until ClickHouse shows everything below `watermark`.
   * @throws DependencyFailure `clickhouse_behind` after `timeoutMs`.
   */
  async waitFor(topic: string, watermark: Watermark, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!hasReached(await this.storedOf(topic), watermark)) {
      if (performance.now() > deadline) {
        throw new DependencyFailure(
          'clickhouse_behind',
          `ClickHouse has not stored ${topic} in ${timeoutMs} ms`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

/** Whether everything below `watermark` is stored; a partition that is empty in the watermark asks for nothing. */
export function hasReached(stored: Watermark, watermark: Watermark): boolean {
  for (const [partition, end] of watermark) {
    if (end > 0 && (stored.get(partition) ?? -1) < end) return false;
  }
  return true;
}
