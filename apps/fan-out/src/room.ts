/** How much is under way at once: what is begun is finished soon, and what is not begun keeps nobody waiting but its own partition. */
interface Entrant {
  readonly size: number;
  readonly signal: AbortSignal;
  admit(): void;
  readonly giveUp: () => void;
}

export class Room {
  readonly #size: number;
  #taken = 0;
  /** The one that has waited longest first. */
  readonly #waiting: Entrant[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  /** @returns how to leave. @throws the reason of `signal` when it is given up before there is room. */
  async enter(size: number, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#waiting.length > 0 || !this.#fits(size)) await this.#wait(size, signal);
    else this.#taken += size;
    return () => {
      this.#taken -= size;
      this.#admit();
    };
  }

  #wait(size: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#waiting.splice(this.#waiting.indexOf(entrant), 1);
        reject(signal.reason);
        this.#admit();
      };
      const entrant: Entrant = { size, signal, admit: resolve, giveUp };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(entrant);
    });
  }

  #admit(): void {
    for (let [next] = this.#waiting; next !== undefined && this.#fits(next.size); [next] = this.#waiting) {
      this.#waiting.shift();
      this.#taken += next.size;
      next.signal.removeEventListener('abort', next.giveUp);
      next.admit();
    }
  }

  /** Rounding of many small parts keeps nobody out, and one alone always fits. */
  #fits(size: number): boolean {
    return this.#taken <= 1e-6 || this.#taken + size <= this.#size + 1e-6;
  }
}
