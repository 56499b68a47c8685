/** Work of one name at a time: two deliveries about one holding never overlap in this process. */
import { type Clock, DependencyFailure, type Logger } from '@tributary/runtime';
import { openDeliveries } from './fan-out-metrics.ts';
import { BUSY_MS, done, type Place, type StepAnswer, type Underway } from './underway.ts';

export interface OneAtATimeOptions {
  readonly clock: Clock;
  /** Longer than any attempt, in milliseconds: after it one whose end is not on record is made again. */
  readonly guardMs: number;
  readonly logger: Logger;
}

/** When a revision is looked for again that ClickHouse does not show yet. */
const UNSHOWN_MS = 2_000;

export class OneAtATime {
  readonly #options: OneAtATimeOptions;
  readonly #busy = new Set<string>();
  readonly #underway = new Set<Promise<unknown>>();

  constructor(options: OneAtATimeOptions) {
    this.#options = options;
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#underway);
  }

  /**
   * Does what must not overlap with anything else of that name here.
   * @param name of a holding, or of what else there is one of.
   */
  run(name: string, work: (place: Place) => Promise<StepAnswer>): Underway {
    const { clock, guardMs } = this.#options;
    if (this.#busy.has(name)) return done(clock.now() + BUSY_MS);
    this.#busy.add(name);
    openDeliveries.inc();
    const place: Place = { ticket: null, isLetGo: false, early: Promise.withResolvers() };
    const ended = work(place)
      .catch((error: unknown) => this.#whenShown(error))
      .finally(() => {
        this.#busy.delete(name);
        this.#underway.delete(ended);
        openDeliveries.dec();
      });
    this.#underway.add(ended);
    let isWatched = true;
    void place.early.promise.then(() => {
      isWatched = false;
    });
    // Whoever has let it go does not hear of its failure; the record that asked comes again.
    ended.catch((error: unknown) => {
      if (!isWatched) this.#tellUnwatched(name, error);
    });
    return {
      answer: Promise.race([ended, place.early.promise]),
      get isHeldUp() {
        return place.ticket?.isHeldUp ?? false;
      },
      detach: () => {
        place.isLetGo = true;
        isWatched = false;
        const comeBackAt = place.ticket?.leave() ?? null;
        if (comeBackAt !== null) return { hasBegun: false, comeBackAt };
        return { hasBegun: true, comeBackAt: clock.now() + guardMs };
      },
    };
  }

  /** The type only: a message may quote what was sent. */
  #tellUnwatched(name: string, error: unknown): void {
    const errorType = error instanceof Error ? error.name : 'unknown';
    this.#options.logger.error({ work: name, errorType }, 'delivery.failed_unwatched');
  }

  /** A revision that ClickHouse does not show yet keeps nobody else waiting: the record that asked comes again. */
  #whenShown(error: unknown): StepAnswer {
    const isUnshown = error instanceof DependencyFailure && error.code === 'clickhouse_behind';
    if (!isUnshown) throw error;
    return this.#options.clock.now() + UNSHOWN_MS;
  }
}
