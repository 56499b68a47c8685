/** A lane per destination: how many requests to it are under way at once, so that a slow one waits in its own queue. */

/** Requests to one destination at once. */
const CONCURRENCY = 16;

interface Lane {
  running: number;
  readonly waiting: (() => void)[];
}

export class DestinationLanes {
  readonly #lanes = new Map<string, Lane>();

  /**
   * Runs `work` when the destination's lane has room; first come, first served.
   * @throws the reason of `signal` when it is aborted before the work has begun: neither a drain nor a batch waits for a whole queue.
   */
  async run<T>(destinationId: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const lane = this.#laneOf(destinationId);
    signal?.throwIfAborted();
    if (lane.running >= CONCURRENCY) await room(lane, signal);
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

/** Resolves when a place has become free for whoever waits here. */
function room({ waiting }: Lane, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const enter = () => {
      signal?.removeEventListener('abort', leave);
      resolve();
    };
    const leave = () => {
      waiting.splice(waiting.indexOf(enter), 1);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', leave, { once: true });
    waiting.push(enter);
  });
}
