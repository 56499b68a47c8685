/** When the customers of the owned partitions are to be looked at again, as far ahead as the next list is far. */

/** A customer, by a conversion that names it, and the instant at which a signal may become due. */
export interface DueCustomer {
  readonly conversionId: string;
  readonly partition: number;
  readonly at: number;
}

export class DueCustomers {
  readonly #byConversion = new Map<string, DueCustomer>();
  /** Null until partitions are dealt. */
  #owned: ReadonlySet<number> | null = null;
  /** Later instants are found by a later list; before the first one all are held. */
  #until = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#byConversion.size;
  }

  /** The partitions are dealt anew: forgets everything, and holds only what belongs to these from now on. */
  own(partitions: readonly number[]): void {
    this.#owned = new Set(partitions);
    this.#byConversion.clear();
    this.#until = Number.POSITIVE_INFINITY;
  }

  /** A list that reaches so far has been made. */
  holdUntil(until: number): void {
    this.#until = until;
  }

  /** Of two instants of a conversion the earlier one is kept: the look names the one after it. */
  add(due: DueCustomer): void {
    if (this.#owned?.has(due.partition) === false || due.at >= this.#until) return;
    const known = this.#byConversion.get(due.conversionId);
    if (known === undefined || due.at < known.at) this.#byConversion.set(due.conversionId, due);
  }

  /** Those whose instant has come, at most `limit` of each partition. */
  due(now: number, limit: number): ReadonlyMap<number, readonly DueCustomer[]> {
    const due = [...this.#byConversion.values()].filter(({ at }) => at <= now);
    const byPartition = Map.groupBy(due, ({ partition }) => partition);
    return new Map([...byPartition].map(([partition, all]) => [partition, all.slice(0, limit)]));
  }

  /** False once it was looked at, or its partition was dealt away. */
  holds(due: DueCustomer): boolean {
    return this.#byConversion.get(due.conversionId) === due;
  }

  lookedAt(due: DueCustomer): void {
    if (this.holds(due)) this.#byConversion.delete(due.conversionId);
  }
}
