/** How far ClickHouse has stored a topic: what its own consumer groups have committed, up to the first record it could not decode. */
import { DependencyFailure } from '@tributary/runtime';
import { storingGroupsOf } from './queue-groups.ts';

/** What Kafka knows about offsets; satisfied by the bus. */
export interface LogOffsets {
  /** Offset after the last record, by partition. */
  endOffsets(topic: string): Promise<ReadonlyMap<number, number>>;
  /** Next offset the group will read, by partition; -1 where it has committed nothing. */
  committedOffsets(groupId: string, topic: string): Promise<ReadonlyMap<number, number>>;
}

/** What ClickHouse has committed but not decoded; satisfied by {@link UndecodedStore}. */
export interface OpenRecords {
  /**
   * Offset of the first such record of a topic that could be an event of ours, by partition.
   * @param read what ClickHouse has committed: a repeat above it does not count as stored yet.
   */
  firstOpen(topic: string, read: Watermark): Promise<Watermark>;
}

/** Offsets by partition. */
export type Watermark = ReadonlyMap<number, number>;

const POLL_MS = 100;

// Why not max(offset) from the table: a repeated record is merged away, and the table would never show its offset.
export class StoredOffsets {
  readonly #log: LogOffsets;
  readonly #database: string;
  readonly #undecoded: OpenRecords | undefined;

  /** Without `undecoded` everything that is committed counts as stored. */
  constructor(log: LogOffsets, database: string, undecoded?: OpenRecords) {
    this.#log = log;
    this.#database = database;
    this.#undecoded = undecoded;
  }

  /** Where the topic ends now. @throws DependencyFailure */
  endOf(topic: string): Promise<Watermark> {
    return this.#log.endOffsets(topic);
  }

  /**
   * Up to where ClickHouse shows the topic's records. While the schema registry is away it commits records without
   * decoding them; they are not in the table yet, and neither is the answer to whoever looks there.
   * @throws DependencyFailure
   */
  async storedOf(topic: string): Promise<Watermark> {
    // In this order: a record is noted as undecoded before its offset is committed.
    const read = await this.readOf(topic);
    return upTo(await this.#firstOpen(topic, read), read);
  }

  /**
   * Up to where ClickHouse has read the topic, decoded or not: the queue of it that is furthest behind, since an answer may
   * come out of tables that different queues feed.
   * @throws DependencyFailure
   */
  async readOf(topic: string): Promise<Watermark> {
    const groups = storingGroupsOf(this.#database, topic);
    const read = await Promise.all(groups.map((group) => this.#log.committedOffsets(group, topic)));
    return read.reduce(leastOf);
  }

  /**
   * Waits until ClickHouse shows everything below `watermark`.
   * @throws DependencyFailure `clickhouse_behind` after `timeoutMs`.
   */
  waitFor(topic: string, watermark: Watermark, timeoutMs: number): Promise<void> {
    return this.#wait(topic, watermark, timeoutMs, (read) => this.#firstOpen(topic, read));
  }

  /**
   * The same, but does not wait for records that ClickHouse could not decode: for whoever sets them aside, and would wait for
   * himself.
   * @throws DependencyFailure `clickhouse_behind` after `timeoutMs`.
   */
  waitUntilRead(topic: string, watermark: Watermark, timeoutMs: number): Promise<void> {
    return this.#wait(topic, watermark, timeoutMs, async () => new Map());
  }

  async #wait(
    topic: string,
    watermark: Watermark,
    timeoutMs: number,
    firstOpen: (read: Watermark) => Promise<Watermark>,
  ): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const read = await this.readOf(topic);
      // What is undecoded matters only where everything has been read.
      const isRead = hasReached(read, watermark);
      const stored = isRead ? upTo(await firstOpen(read), read) : read;
      if (isRead && hasReached(stored, watermark)) return;
      if (performance.now() > deadline) {
        throw new DependencyFailure(
          'clickhouse_behind',
          `ClickHouse has not stored ${topic} in ${timeoutMs} ms: ${gap(stored, watermark)}${isRead ? ', where a record is not decoded' : ''}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async #firstOpen(topic: string, read: Watermark): Promise<Watermark> {
    return (await this.#undecoded?.firstOpen(topic, read)) ?? new Map<number, number>();
  }
}

/** What one of them does not know, nobody has read. */
function leastOf(a: Watermark, b: Watermark): Watermark {
  return new Map([...a].map(([partition, next]) => [partition, Math.min(next, b.get(partition) ?? -1)]));
}

function upTo(limits: Watermark, offsets: Watermark): Watermark {
  return new Map(
    [...offsets].map(([partition, next]) => [partition, Math.min(next, limits.get(partition) ?? next)]),
  );
}

/** Where it is short: the first such partition, as one is enough to look at. */
function gap(stored: Watermark, watermark: Watermark): string {
  const short = [...watermark].find(([partition, end]) => !hasReached(stored, new Map([[partition, end]])));
  const [partition, end] = short ?? [];
  return `partition ${partition} up to ${stored.get(partition ?? 0) ?? -1} of ${end}`;
}

/** Whether everything below `watermark` is stored; a partition that is empty in the watermark asks for nothing. */
export function hasReached(stored: Watermark, watermark: Watermark): boolean {
  for (const [partition, end] of watermark) {
    if (end > 0 && (stored.get(partition) ?? -1) < end) return false;
  }
  return true;
}
