/** How late this process notices anything because it is busy itself: a destination must not be thought slow for it. */

const LOOK_MS = 20;
/** Of the newest look: the mean is that of the last 25 or so, at rest half a second. */
const WEIGHT = 0.04;

export class OwnLag {
  #ms = 0;
  #timer: NodeJS.Timeout | undefined;

  start(): void {
    let due = performance.now() + LOOK_MS;
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#ms += (Math.max(0, now - due) - this.#ms) * WEIGHT;
      due = now + LOOK_MS;
    }, LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Milliseconds, the mean of late; less weight on what is longer ago. */
  get ms(): number {
    return this.#ms;
  }
}
