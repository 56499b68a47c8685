/** The breaker of a destination: when nothing is sent there for a while, how it is tried again, and how it comes back. */

export const BREAKER_STATES = ['closed', 'open', 'half_open'] as const;
export type BreakerState = (typeof BREAKER_STATES)[number];

/**
 * | rule                                          | value                 | why                                                          |
 * |-----------------------------------------------|-----------------------|--------------------------------------------------------------|
 * | opens at this share of failed requests        | 50 %                  | Convoy has 70 % in 5 min; ours parks and loses nothing       |
 * | of the last                                   | 30 s                  | longer than one timeout, shorter than the fast ladder        |
 * | and only of at least                          | 10 requests           | one failure of a quiet destination says nothing              |
 * | the first probe comes after                   | 5 s                   | a restarting process                                         |
 * | each failed probe doubles that, up to         | 5 min                 | a level of the timer wheel                                   |
 * | after a probe that got through, at once       | 2, doubled each second | what was parked must not come back as one                   |
 */
export const BREAKER_RULES = {
  failureShare: 0.5,
  windowMs: 30_000,
  minRequests: 10,
  firstCooldownMs: 5_000,
  maxCooldownMs: 300_000,
  rampFrom: 2,
  rampStepMs: 1_000,
} as const;

const SLICES = 10;
const SLICE_MS = BREAKER_RULES.windowMs / SLICES;

interface Slice {
  number: number;
  requests: number;
  failures: number;
}

/** What may be sent now: nothing before `until`, one request as a probe, or so many at once. */
export type Admission =
  | { readonly kind: 'closed'; readonly atOnce: number }
  | { readonly kind: 'probe' }
  | { readonly kind: 'shut'; readonly until: number };

/** How a breaker stood when it was last told of. */
export type BreakerBefore = Pick<
  Breaker,
  | 'state'
  | 'changedAt'
  | 'probes'
  | 'consecutiveFailures'
  | 'failingSince'
  | 'lastFailureAt'
  | 'lastSuccessAt'
>;

/** All times are epoch milliseconds and told by the caller. A request that was admitted must be told to succeed or fail. */
export class Breaker {
  #state: BreakerState = 'closed';
  #changedAt: number;
  #probeAt: number | null = null;
  #probes = 0;
  #isProbing = false;
  /** When it closed after having been open; null: never, or so long ago that the ramp is over. */
  #recoveredAt: number | null = null;
  #consecutiveFailures = 0;
  #failingSince: number | null = null;
  #lastFailureAt: number | null = null;
  #lastSuccessAt: number | null = null;
  #slices: Slice[] = [];

  /** @param before of the one whose place it takes: what was open is probed at once, for nobody knows of a probe under way. */
  constructor(now: number, before: BreakerBefore | null = null) {
    this.#changedAt = before?.changedAt ?? now;
    if (before === null) return;
    this.#consecutiveFailures = before.consecutiveFailures;
    this.#failingSince = before.failingSince;
    this.#lastFailureAt = before.lastFailureAt;
    this.#lastSuccessAt = before.lastSuccessAt;
    if (before.state === 'closed') return;
    this.#state = 'open';
    this.#probeAt = now;
    this.#probes = before.probes;
  }

  get state(): BreakerState {
    return this.#state;
  }

  get changedAt(): number {
    return this.#changedAt;
  }

  /** When the next probe may be made; null unless open. */
  get probeAt(): number | null {
    return this.#probeAt;
  }

  /** Probes that failed since it opened. */
  get probes(): number {
    return this.#probes;
  }

  get consecutiveFailures(): number {
    return this.#consecutiveFailures;
  }

  /** The first failure since the last success. */
  get failingSince(): number | null {
    return this.#failingSince;
  }

  get lastFailureAt(): number | null {
    return this.#lastFailureAt;
  }

  get lastSuccessAt(): number | null {
    return this.#lastSuccessAt;
  }

  /** @param most how many requests the destination takes at once when all is well. */
  admission(now: number, most: number): Admission {
    if (this.#state === 'closed') return { kind: 'closed', atOnce: this.#ramped(now, most) };
    const probeAt = this.#probeAt ?? now;
    if (!this.#isProbing && now >= probeAt) return { kind: 'probe' };
    // While a probe is under way nobody knows when it ends; the shortest cooldown is asked to pass.
    return {
      kind: 'shut',
      until: Math.max(probeAt, now + (this.#isProbing ? BREAKER_RULES.firstCooldownMs : 0)),
    };
  }

  /** Begins the probe that {@link admission} has offered. */
  beginProbe(now: number): void {
    this.#isProbing = true;
    if (this.#state === 'open') this.#change('half_open', now);
  }

  /** A probe that was never sent, or whose request told nothing of the destination. */
  dropProbe(now: number): void {
    if (!this.#isProbing) return;
    this.#isProbing = false;
    this.#change('open', now);
    this.#probeAt = now;
  }

  /** @param isProbe whether it is the probe that ends; what had left before tells nothing of how things are now. */
  succeeded(now: number, isProbe = false): void {
    this.#count(now, false);
    this.#lastSuccessAt = now;
    this.#consecutiveFailures = 0;
    this.#failingSince = null;
    if (this.#state !== 'half_open' || !isProbe) return;
    this.#isProbing = false;
    this.#probes = 0;
    this.#probeAt = null;
    this.#slices = [];
    this.#recoveredAt = now;
    this.#change('closed', now);
  }

  /** @param isProbe see {@link succeeded} */
  failed(now: number, isProbe = false): void {
    this.#count(now, true);
    this.#lastFailureAt = now;
    this.#consecutiveFailures += 1;
    this.#failingSince ??= now;
    if (this.#state === 'half_open') {
      if (!isProbe) return;
      this.#isProbing = false;
      this.#probes += 1;
      this.#open(now);
    } else if (this.#state === 'closed' && this.#isTooMuch(now)) this.#open(now);
  }

  #open(now: number): void {
    const { firstCooldownMs, maxCooldownMs } = BREAKER_RULES;
    this.#probeAt = now + Math.min(firstCooldownMs * 2 ** Math.min(this.#probes, 30), maxCooldownMs);
    this.#change('open', now);
  }

  #change(state: BreakerState, now: number): void {
    this.#state = state;
    this.#changedAt = now;
  }

  #isTooMuch(now: number): boolean {
    const { minRequests, failureShare } = BREAKER_RULES;
    const oldest = Math.floor(now / SLICE_MS) - SLICES;
    const recent = this.#slices.filter(({ number }) => number > oldest);
    const requests = recent.reduce((sum, slice) => sum + slice.requests, 0);
    const failures = recent.reduce((sum, slice) => sum + slice.failures, 0);
    return requests >= minRequests && failures >= failureShare * requests;
  }

  #count(now: number, isFailure: boolean): void {
    const number = Math.floor(now / SLICE_MS);
    let slice = this.#slices.at(-1);
    if (slice === undefined || slice.number < number) {
      slice = { number, requests: 0, failures: 0 };
      this.#slices = [...this.#slices.slice(-SLICES), slice];
    }
    slice.requests += 1;
    if (isFailure) slice.failures += 1;
  }

  #ramped(now: number, most: number): number {
    if (this.#recoveredAt === null) return most;
    const steps = Math.floor(Math.max(0, now - this.#recoveredAt) / BREAKER_RULES.rampStepMs);
    const allowed = BREAKER_RULES.rampFrom * 2 ** Math.min(steps, 30);
    if (allowed >= most) this.#recoveredAt = null;
    return Math.min(allowed, most);
  }
}
