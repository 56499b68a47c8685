/** Begins what a batch asks for, as there is room, and waits for all of it, but for no destination that keeps it waiting. */
import type { Room } from './room.ts';
import type { Underway } from './underway.ts';

/** Something to be begun. */
export interface Startable {
  /** Its part of a request. */
  readonly size: number;
  begin(): Underway;
}

/** How often it is looked whether a destination keeps the batch waiting, in milliseconds. */
const LOOK_MS = 50;

interface Open {
  readonly underway: Underway;
  readonly letGo: () => void;
}

export class Undertaking<Work extends Startable> {
  readonly #room: Room;
  readonly #signal: AbortSignal;
  readonly #open = new Set<Open>();
  readonly #followed: Promise<void>[] = [];
  readonly #late = new Map<Work, number>();
  #failure: { readonly reason: unknown } | null = null;

  constructor(room: Room, signal: AbortSignal) {
    this.#room = room;
    this.#signal = signal;
  }

  /** Resolves when all has begun; or no more of it, where something has failed: the batch comes again as a whole. */
  async begin(work: readonly Work[]): Promise<void> {
    await this.#watched(async () => {
      for (const each of work) {
        const leave = await this.#room.enter(each.size, this.#signal);
        if (this.#failure !== null) return leave();
        this.#followed.push(
          this.#follow(each)
            .catch((reason: unknown) => this.#fail(reason))
            .finally(leave),
        );
      }
    }).catch((reason: unknown) => this.#fail(reason));
  }

  /**
   * Waits for what has begun; what a destination has not answered or taken by then comes again by the timer wheel, the former
   * in case that this process dies.
   * @returns what comes again, and when. @throws what was thrown first, when nothing is under way any more.
   */
  async settled(): Promise<ReadonlyMap<Work, number>> {
    await this.#watched(() => Promise.all(this.#followed));
    if (this.#failure !== null) throw this.#failure.reason;
    return this.#late;
  }

  async #follow(work: Work): Promise<void> {
    const underway = work.begin();
    const letGo = Promise.withResolvers<'late'>();
    const open: Open = { underway, letGo: () => letGo.resolve('late') };
    this.#open.add(open);
    try {
      const answer = await Promise.race([underway.answer, letGo.promise]);
      if (answer === null) return;
      if (answer !== 'late') return void this.#late.set(work, answer);
      const { hasBegun, comeBackAt } = underway.detach();
      // Given up or drained: what has begun is waited for, the rest is the next owner's.
      if (this.#signal.aborted) {
        if (hasBegun && (await underway.answer) === null) return;
        throw this.#signal.reason;
      }
      this.#late.set(work, comeBackAt);
    } finally {
      this.#open.delete(open);
    }
  }

  async #watched<T>(wait: () => Promise<T>): Promise<T> {
    const look = () => {
      for (const { underway, letGo } of this.#open) if (this.#signal.aborted || underway.isHeldUp) letGo();
    };
    const timer = setInterval(look, LOOK_MS);
    this.#signal.addEventListener('abort', look);
    look();
    try {
      return await wait();
    } finally {
      clearInterval(timer);
      this.#signal.removeEventListener('abort', look);
    }
  }

  #fail(reason: unknown): void {
    this.#failure ??= { reason };
  }
}
