/** Work that is done again and again: never twice at once, and stopped in bounded time. */

/** A piece of work that waits for ClickHouse may take a minute; a drain has 25 s for everything. */
const STOP_LIMIT_MS = 2_000;

export class Ticks {
  readonly #everyMs: number;
  readonly #work: () => Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(everyMs: number, work: () => Promise<void>) {
    this.#everyMs = everyMs;
    this.#work = work;
  }

  start(): void {
    this.#timer = setInterval(() => {
      // Behind a slow one no others pile up: they would all run at once, and hold up the drain.
      this.#running ??= this.#work().finally(() => {
        this.#running = undefined;
      });
    }, this.#everyMs);
  }

  /** Begins no more, and lets the one that runs come to its end, in bounded time. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_LIMIT_MS);
    });
    await Promise.race([this.#running, late]);
    clearTimeout(timer);
  }
}
