/** One decider at a time per partition; after a send of which nobody knows whether it arrived, the next one first sees what did. */
import { Turns } from '@tributary/runtime';
import type { OwnWrites } from './own-writes.ts';

export class DecisionLanes {
  readonly #ownWrites: Pick<OwnWrites, 'catchUp' | 'counters'>;
  /** Postbacks and the clock never decide the same partition at once. */
  readonly #turns = new Turns<number>();
  /** Partitions whose last piece of work did not end well: part of what it wrote may stand in the log. */
  readonly #doubtful = new Set<number>();

  constructor(ownWrites: Pick<OwnWrites, 'catchUp' | 'counters'>) {
    this.#ownWrites = ownWrites;
  }

  /**
   * Runs `work` in the partition's turn. Decided anew by what is known by then, a conversion could come out
   * differently under the same revision, of which every reader takes the first; so ClickHouse shows that one before.
   * @throws DependencyFailure
   */
  async run(partition: number, work: (isAfterDoubt: boolean) => Promise<void>): Promise<void> {
    await this.#turns.run(partition, async () => {
      const isAfterDoubt = this.#doubtful.has(partition);
      if (isAfterDoubt) {
        await this.#ownWrites.catchUp();
        this.#ownWrites.counters.forget(partition);
      }
      this.#doubtful.add(partition);
      await work(isAfterDoubt);
      this.#doubtful.delete(partition);
    });
  }

  /** Resolves when everything begun until now has ended. */
  idle(): Promise<void> {
    return this.#turns.idle();
  }
}
