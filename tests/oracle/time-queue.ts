/** A queue that gives its records by time, those of one millisecond in the order in which they came. */

interface Queued<T> {
  readonly at: number;
  readonly turn: number;
  readonly value: T;
}

export class TimeQueue<T> {
  readonly #heap: Queued<T>[] = [];
  #turn = 0;

  get length(): number {
    return this.#heap.length;
  }

  /** Time of the earliest; undefined when there is none. */
  get nextAt(): number | undefined {
    return this.#heap[0]?.at;
  }

  push(at: number, value: T): void {
    const heap = this.#heap;
    const queued = { at, turn: this.#turn++, value };
    let place = heap.length;
    heap.push(queued);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = heap[parent] as Queued<T>;
      if (!isBefore(queued, above)) break;
      heap[place] = above;
      place = parent;
    }
    heap[place] = queued;
  }

  pop(): T | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return undefined;
    if (heap.length > 0) this.#sink(last);
    return first.value;
  }

  #sink(queued: Queued<T>): void {
    const heap = this.#heap;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const [a, b] = [heap[left], heap[left + 1]];
      if (a === undefined) break;
      const [child, below] = b !== undefined && isBefore(b, a) ? [left + 1, b] : [left, a];
      if (!isBefore(below, queued)) break;
      heap[place] = below;
      place = child;
    }
    heap[place] = queued;
  }
}

function isBefore(a: Queued<unknown>, b: Queued<unknown>): boolean {
  return a.at === b.at ? a.turn < b.turn : a.at < b.at;
}
