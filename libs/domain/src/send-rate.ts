/** The rate of a destination: a token bucket that tells how long the next request waits. */

/** Requests that may leave at once after a pause, as a share of a second's worth. */
const BURST_SECONDS = 1;

/** All times are epoch milliseconds and told by the caller. */
export class SendRate {
  #perSecond: number;
  #tokens: number;
  #at: number;

  /** @param perSecond above 0; may be less than one. */
  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond;
    this.#tokens = this.#burst;
    this.#at = now;
  }

  /** Of a destination's rate, the share of an instance that owns so many of its partitions: shares of all sum to the rate. */
  static shareOf(perSecond: number, owned: number, partitions: number): number {
    return (perSecond * Math.max(owned, 1)) / partitions;
  }

  set perSecond(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Takes a place. @returns how long it is until its turn, in milliseconds; 0: now. */
  reserve(now: number): number {
    this.#fill(now);
    this.#tokens -= 1;
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens * 1_000) / this.#perSecond);
  }

  /** How long a place taken now would wait; takes none. */
  waitMs(now: number): number {
    this.#fill(now);
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) * 1_000) / this.#perSecond);
  }

  get #burst(): number {
    return Math.max(1, this.#perSecond * BURST_SECONDS);
  }

  #fill(now: number): void {
    const earned = (Math.max(0, now - this.#at) * this.#perSecond) / 1_000;
    this.#tokens = Math.min(this.#burst, this.#tokens + earned);
    this.#at = Math.max(this.#at, now);
  }
}
