/** How much is published again at a time: little until a topic's records are decoded again, and no record for ever. */

/** Pause of a topic after nothing of it was decoded, doubled each time. */
const FIRST_TOPIC_PAUSE_MS = 1_000;
const LONGEST_TOPIC_PAUSE_MS = 60_000;
/** Pause of a record, longer than its topic's, so that another one is tried first: the fault may be the record's own. */
const FIRST_RECORD_PAUSE_MS = 5_000;
const LONGEST_RECORD_PAUSE_MS = 300_000;
/** Published so often in vain, some 30 minutes in all, a record is ClickHouse's alone to refuse: its types say no. */
const MAX_TRIES = 12;
/** Records on which failures are remembered; more are not begun with. */
const MAX_REMEMBERED = 50_000;

interface Failure {
  readonly tries: number;
  readonly notBefore: number;
}

interface Pace {
  readonly atOnce: number;
  readonly resumeAt: number;
  readonly pauseMs: number;
}

const FRESH: Pace = { atOnce: 1, resumeAt: 0, pauseMs: FIRST_TOPIC_PAUSE_MS };

export class Patience {
  readonly #largest: number;
  readonly #failures = new Map<string, Failure>();
  readonly #paces = new Map<string, Pace>();

  /** @param largest how many records of a topic are published at once when all goes well. */
  constructor(largest: number) {
    this.#largest = largest;
  }

  /** How many records of the topic may be published now. */
  allowance(topic: string, now: number): number {
    const { atOnce, resumeAt } = this.#paces.get(topic) ?? FRESH;
    return now < resumeAt || this.#failures.size >= MAX_REMEMBERED ? 0 : atOnce;
  }

  isDue(place: string, now: number): boolean {
    return (this.#failures.get(place)?.notBefore ?? 0) <= now;
  }

  isExhausted(place: string): boolean {
    return (this.#failures.get(place)?.tries ?? 0) >= MAX_TRIES;
  }

  forget(place: string): void {
    this.#failures.delete(place);
  }

  /** What became of a topic's records that were published again: one decoded proves that ClickHouse reaches the registry. */
  note(topic: string, decoded: readonly string[], failed: readonly string[], now: number): void {
    for (const place of decoded) this.#failures.delete(place);
    for (const place of failed) {
      const tries = (this.#failures.get(place)?.tries ?? 0) + 1;
      const pauseMs = Math.min(FIRST_RECORD_PAUSE_MS * 2 ** (tries - 1), LONGEST_RECORD_PAUSE_MS);
      this.#failures.set(place, { tries, notBefore: now + pauseMs });
    }
    const { atOnce, pauseMs, resumeAt } = this.#paces.get(topic) ?? FRESH;
    if (decoded.length > 0 && resumeAt > 0) this.#lift(topic, failed, now);
    this.#paces.set(
      topic,
      decoded.length > 0
        ? { ...FRESH, atOnce: Math.min(atOnce * 4, this.#largest) }
        : { atOnce: 1, resumeAt: now + pauseMs, pauseMs: Math.min(pauseMs * 2, LONGEST_TOPIC_PAUSE_MS) },
    );
  }
  /** The topic decodes again: what failed while it did not was hardly at fault. */
  #lift(topic: string, except: readonly string[], now: number): void {
    for (const [place, { tries }] of this.#failures) {
      if (place.startsWith(`${topic}/`) && !except.includes(place))
        this.#failures.set(place, { tries, notBefore: now });
    }
  }
}
