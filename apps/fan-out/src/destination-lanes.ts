/** A lane per destination: how many requests to it are under way at once, so that a slow one waits in its own queue. */

/** Requests to one destination at once. */
const CONCURRENCY = 16;

interface Lane {
  running: number;
  readonly waiting: (() => void)[];
}

export class DestinationLanes {
  readonly #lanes = new Map<string, Lane>();

  /** Runs `work` when the destination's lane has room; first come, first served. */
  async run<T>(destinationId: string, work: () => Promise<T>): Promise<T> {
    const lane = this.#laneOf(destinationId);
    if (lane.running >= CONCURRENCY) await new Promise<void>((resolve) => lane.waiting.push(resolve));
    else lane.running += 1;
    try {
      return await work();
    } finally {
      // A waiter takes the place over, so the count stays as it is.
      const next = lane.waiting.shift();
      if (next) next();
      else lane.running -= 1;
    }
  }

  #laneOf(destinationId: string): Lane {
    let lane = this.#lanes.get(destinationId);
    if (lane === undefined) {
      lane = { running: 0, waiting: [] };
      this.#lanes.set(destinationId, lane);
    }
    return lane;
  }
}
