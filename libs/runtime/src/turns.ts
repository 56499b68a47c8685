/** One piece of work at a time per key: two triggers of the same thing never work on it at once. */

export class Turns<Key> {
  readonly #tails = new Map<Key, Promise<unknown>>();

  /** Runs `work` after everything given before for the same key; a failure goes to whom it belongs and passes the turn on. */
  async run<T>(key: Key, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const running = before.then(work, work);
    this.#tails.set(key, running);
    try {
      return await running;
    } finally {
      if (this.#tails.get(key) === running) this.#tails.delete(key);
    }
  }

  /** Resolves when everything given until now has ended, well or not. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#tails.values());
  }
}
