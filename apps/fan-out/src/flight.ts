/** How long one request keeps us waiting for its destination, apart from the time that is ours: our records, and our own lag. */

/** An answer is noticed after so many turns of the event loop: the request is written, the answer is read, and both wait their turn. */
const TURNS = 4;

export class Flight {
  readonly #ownLagMs: () => number;
  #since: number | null = null;
  #spentMs = 0;

  /** @param ownLagMs how late this process notices anything, in milliseconds. */
  constructor(ownLagMs: () => number = () => 0) {
    this.#ownLagMs = ownLagMs;
  }

  /** @param call reaches the destination: the request itself, or what it needs before, such as a token. One at a time. */
  async over<T>(call: () => Promise<T>): Promise<T> {
    this.#since = performance.now();
    try {
      return await call();
    } finally {
      this.#spentMs = this.ms;
      this.#since = null;
    }
  }

  /** Milliseconds so far. */
  get ms(): number {
    if (this.#since === null) return this.#spentMs;
    const openMs = performance.now() - this.#since - TURNS * this.#ownLagMs();
    return this.#spentMs + Math.max(0, openMs);
  }
}
