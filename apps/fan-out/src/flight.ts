/** How long one request keeps us waiting for its destination, apart from the time that our own records take. */
export class Flight {
  #since: number | null = null;
  #spentMs = 0;

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
    return this.#spentMs + (this.#since === null ? 0 : performance.now() - this.#since);
  }
}
