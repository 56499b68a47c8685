/** One piece of work at a time per partition: postbacks and the clock never decide the same lane at once. */

export class Lanes {
  readonly #tails = new Map<number, Promise<unknown>>();

  /** Runs `work` after everything given before for the same partition. */
  run<T>(partition: number, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(partition) ?? Promise.resolve();
    const running = before.then(work, work);
    this.#tails.set(
      partition,
      running.catch(() => undefined),
    );
    return running;
  }
}
