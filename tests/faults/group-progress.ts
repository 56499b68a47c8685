/** How far a consumer group is: what it has committed, and what of its topic is still uncommitted. */
import { setTimeout as delay } from 'node:timers/promises';
import type { KafkaConnection, Offsets } from '@tributary/bus';

const POLL_MS = 20;

export class GroupProgress {
  readonly groupId: string;
  readonly topic: string;
  readonly #connection: KafkaConnection;

  constructor(connection: KafkaConnection, groupId: string, topic: string) {
    this.#connection = connection;
    this.groupId = groupId;
    this.topic = topic;
  }

  /** Where the topic ends now. @throws DependencyFailure */
  ends(): Promise<Offsets> {
    return this.#connection.endOffsets(this.topic);
  }

  /** Records below `ends` that the group has not committed. @throws DependencyFailure */
  async uncommitted(ends: Offsets): Promise<number> {
    const committed = await this.#connection.committedOffsets(this.groupId, this.topic);
    let count = 0;
    for (const [partition, end] of ends)
      count += Math.max(0, end - Math.max(0, committed.get(partition) ?? 0));
    return count;
  }

  /** All records the group has ever committed. @throws DependencyFailure */
  async committed(): Promise<number> {
    const committed = await this.#connection.committedOffsets(this.groupId, this.topic);
    return [...committed.values()].reduce((sum, offset) => sum + Math.max(0, offset), 0);
  }

  /** Waits until the group has committed more than `before`: it works again. @throws Error after `boundMs`. */
  async advances(before: number, boundMs: number): Promise<void> {
    const isThere = async () => (await this.committed()) > before;
    await this.#until(isThere, boundMs, `has committed nothing of ${this.topic}`);
  }

  /** Waits until the group has work in hand. @returns where the topic ended then. @throws Error after `boundMs`. */
  async hasWork(boundMs: number): Promise<Offsets> {
    let ends: Offsets = new Map();
    const isBusy = async () => {
      ends = await this.ends();
      return (await this.uncommitted(ends)) > 0;
    };
    await this.#until(isBusy, boundMs, `has had no work of ${this.topic}`);
    return ends;
  }

  async #until(isDone: () => Promise<boolean>, boundMs: number, complaint: string): Promise<void> {
    const deadline = performance.now() + boundMs;
    // An outage of Kafka is part of the game; it only counts against the bound.
    while (!(await isDone().catch(() => false))) {
      if (performance.now() > deadline)
        throw new Error(`${this.groupId} ${complaint} in ${Math.round(boundMs / 1_000)} s`);
      await delay(POLL_MS);
    }
  }
}
