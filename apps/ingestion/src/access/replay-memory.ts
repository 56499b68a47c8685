/** Which content stood under a receipt that a nonce or an Idempotency-Key names, as far as this instance remembers. */

/** Two kinds, kept for different times. */
export type MemoryKind = 'nonce' | 'idempotency_key';

/** What was known of the receipt when it was claimed. */
export type Claim = 'first' | 'same' | 'other';

/**
 * A help and never the proof. The receipt id is a function of source and nonce (or key), so a repeat on an instance that
 * remembers nothing is the same receipt all the same, and attribution tells by the content digest when it is another
 * fact (docs/adr/0026-replays-and-reused-keys.md). So nothing here has to be on disk before an answer: what a crash takes
 * from the end of the memory is not remembered, and that is all.
 */
export interface ReplayMemory {
  /**
   * Claims the receipt for this content, unless it is claimed for another already.
   * @param receiptId UUID.
   * @param contentDigest SHA-256 in hex.
   */
  claim(kind: MemoryKind, receiptId: string, contentDigest: string): Claim;
  close(): Promise<void>;
}

export interface RetentionMs {
  /** At least twice the window of a signature: so long can a call signed ahead of our clock be repeated. */
  readonly nonce: number;
  readonly idempotency_key: number;
}

/** Beyond these, per kind and generation, nothing more is remembered until the next generation begins. */
export const MAX_ENTRIES = 2_000_000;

/**
 * A kind is remembered in generations of half its retention: the current one and the two before. So whatever was claimed
 * is kept at least as long as the retention, at most half as long again, and is forgotten whole generations at a time.
 */
export const GENERATIONS = 3;

export function generationAt(now: number, retentionMs: number): number {
  return Math.floor(now / (retentionMs / (GENERATIONS - 1)));
}

interface Remembered {
  readonly generation: number;
  readonly digest: string;
}

/** In memory alone: for tests, and for an instance without a state folder. */
export class InMemoryReplayMemory implements ReplayMemory {
  readonly #now: () => number;
  readonly #retentionMs: RetentionMs;
  readonly #maxEntries: number;
  readonly #kinds: Readonly<Record<MemoryKind, Map<string, Remembered>[]>>;

  constructor(now: () => number, retentionMs: RetentionMs, maxEntries = MAX_ENTRIES) {
    this.#now = now;
    this.#retentionMs = retentionMs;
    this.#maxEntries = maxEntries;
    const empty = () => Array.from({ length: GENERATIONS }, () => new Map<string, Remembered>());
    this.#kinds = { nonce: empty(), idempotency_key: empty() };
  }

  claim(kind: MemoryKind, receiptId: string, contentDigest: string): Claim {
    const generation = generationAt(this.#now(), this.#retentionMs[kind]);
    const slots = this.#kinds[kind];
    for (const slot of slots) {
      const known = slot.get(receiptId);
      if (known !== undefined && known.generation > generation - GENERATIONS)
        return known.digest === contentDigest ? 'same' : 'other';
    }
    const slot = slots[generation % GENERATIONS];
    if (slot === undefined) return 'first';
    const [oldest] = slot.values();
    if (oldest !== undefined && oldest.generation !== generation) slot.clear();
    if (slot.size < this.#maxEntries) slot.set(receiptId, { generation, digest: contentDigest });
    return 'first';
  }

  async close(): Promise<void> {}
}
