/** Counters of caps and tiers as one text: the start of the period and the key. ClickHouse makes the same of what it stores. */

/** One counter: a key as keys.ts makes it, and the period it counts in. */
export interface CounterName {
  readonly key: string;
  /** Epoch milliseconds, UTC. */
  readonly periodStart: number;
}

/** `periodStart:key`: a number has no colon, so the key may have some. */
export function counterKey(key: string, periodStart: number): string {
  return `${periodStart}:${key}`;
}

/** The inverse of {@link counterKey}. */
export function counterNameIn(counter: string): CounterName {
  const colon = counter.indexOf(':');
  return { key: counter.slice(colon + 1), periodStart: Number(counter.slice(0, colon)) };
}
