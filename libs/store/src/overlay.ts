/** Read-own-writes: what this process has written to a topic and ClickHouse may not show yet. */
import type { Watermark } from './stored-offsets.ts';

interface Entry<Value> {
  readonly value: Value;
  readonly partition: number;
  readonly offset: number;
}

/**
 * Recent own results by id. A lookup asks the overlay and the store; where both know an id the newer one of `isNewer`
 * holds, and where they disagree about the same one the store wins, because the log's first record is what everybody sees.
 */
export class Overlay<Value> {
  readonly #entries = new Map<string, Entry<Value>>();

  get size(): number {
    return this.#entries.size;
  }

  get(id: string): Value | undefined {
    return this.#entries.get(id)?.value;
  }

  /** Notes an acknowledged own result at its place in the log. */
  set(id: string, value: Value, position: { readonly partition: number; readonly offset: number }): void {
    this.#entries.set(id, { value, partition: position.partition, offset: position.offset });
  }

  /** Forgets what the store shows by now. @returns what was forgotten. */
  evict(stored: Watermark): readonly Value[] {
    const evicted: Value[] = [];
    for (const [id, { value, partition, offset }] of this.#entries) {
      if (offset >= (stored.get(partition) ?? -1)) continue;
      this.#entries.delete(id);
      evicted.push(value);
    }
    return evicted;
  }

  clear(): void {
    this.#entries.clear();
  }
}
