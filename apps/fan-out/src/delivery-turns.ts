/** One piece of work at a time per delivery: a decision met again and a retry that comes due never both send it. */

export class DeliveryTurns {
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs `work` after everything given before for the same delivery. */
  async run(deliveryId: string, work: () => Promise<void>): Promise<void> {
    const before = this.#tails.get(deliveryId) ?? Promise.resolve();
    const running = before.then(work, work);
    this.#tails.set(deliveryId, running);
    try {
      await running;
    } finally {
      if (this.#tails.get(deliveryId) === running) this.#tails.delete(deliveryId);
    }
  }
}
