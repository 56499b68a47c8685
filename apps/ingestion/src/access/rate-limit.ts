/** How many postbacks of a source are taken a second: a token bucket per source, of which each instance holds its share. */

export interface RateLimit {
  /** Postbacks a second, over all instances. */
  readonly perSecond: number;
  /** Postbacks that may come at once, over all instances. */
  readonly burst: number;
}

interface Bucket {
  /** Below zero where a batch brought more rows than were left. */
  tokens: number;
  filledAt: number;
  /** The second in which a refusal was last put on record. */
  recordedSecond: number;
}

export interface TurnedAway {
  /** Whole seconds until a postback may pass, at least 1. */
  readonly retryAfterSeconds: number;
  /** Whether this refusal is to be put on record: one per source and second is, the others are counted. */
  readonly isRecorded: boolean;
}

/**
 * Instances share nothing: each takes the configured total divided by their number, and a balanced load meets the total.
 * Time is monotonic, so a clock that is set back neither opens nor closes a bucket.
 */
export class RateLimits {
  readonly #instances: number;
  readonly #monotonicMs: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(instances: number, monotonicMs: () => number = () => performance.now()) {
    this.#instances = instances;
    this.#monotonicMs = monotonicMs;
  }

  /** Takes one postback; or says when the next may pass. */
  take(sourceId: string, limit: RateLimit): TurnedAway | null {
    const bucket = this.#filled(sourceId, limit);
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return null;
    }
    const second = Math.floor(bucket.filledAt / 1_000);
    const isRecorded = bucket.recordedSecond !== second;
    bucket.recordedSecond = second;
    const waitSeconds = (1 - bucket.tokens) / (limit.perSecond / this.#instances);
    return { retryAfterSeconds: Math.max(1, Math.ceil(waitSeconds)), isRecorded };
  }

  /** Takes the further rows of a batch that was let in: it passes whole, and what comes after it waits the longer. */
  takeFurther(sourceId: string, limit: RateLimit, rows: number): void {
    this.#filled(sourceId, limit).tokens -= rows;
  }

  #filled(sourceId: string, { perSecond, burst }: RateLimit): Bucket {
    const now = this.#monotonicMs();
    // Less than one would let nobody pass, ever.
    const capacity = Math.max(1, burst / this.#instances);
    const known = this.#buckets.get(sourceId);
    if (known === undefined) {
      const bucket = { tokens: capacity, filledAt: now, recordedSecond: -1 };
      this.#buckets.set(sourceId, bucket);
      return bucket;
    }
    const gained = ((now - known.filledAt) / 1_000) * (perSecond / this.#instances);
    known.tokens = Math.min(capacity, known.tokens + gained);
    known.filledAt = now;
    return known;
  }
}
