/** The lane of one destination: its places, its rate, its breaker and what shares a request; what finds no room is told when to come back. */
import { Breaker, type BreakerBefore, type BreakerState, SendRate } from '@tributary/domain';
import type { Clock } from '@tributary/runtime';
import { Flight } from './flight.ts';

/** Something to be sent there; what has one envelope may share a request. */
export interface LaneItem {
  readonly envelope: string;
}

/** What a request told of the destination as a whole; `gone`: it wants nothing any more, `unknown`: nothing. */
export type Health = 'up' | 'down' | 'gone' | 'unknown';

/** Why nothing is sent to a destination any more, but for a try each hour. */
export interface SwitchedOff {
  readonly at: number;
  readonly reasonCode: 'nothing_but_failures' | 'receiver_gone';
}

/** How the lane of this destination stood when it was last told of: by another process, or by this one before it was restarted. */
export interface LaneBefore {
  readonly breaker: BreakerBefore;
  readonly switchedOff: SwitchedOff | null;
}

export interface LaneLimits {
  /** Requests at once. */
  readonly concurrency: number;
  /** Requests a second of this instance; undefined: no limit. */
  readonly ratePerSecond: number | undefined;
  readonly maxBatch: number;
  readonly disableAfterMs: number;
}

export interface LaneOptions<Item extends LaneItem> {
  readonly limits: LaneLimits;
  readonly clock: Clock;
  /** In [0, 1), for jitter. */
  readonly random: () => number;
  /** How late this process notices anything, in milliseconds. */
  readonly ownLagMs: () => number;
  /** @param flight is told of the time that the destination takes. */
  readonly send: (items: readonly Item[], flight: Flight) => Promise<Health>;
  /** Absent for one that begins anew. */
  readonly before?: LaneBefore | undefined;
  /** Told when the breaker changes, or the lane is disabled or enabled, or has failed for a while, or no longer does. */
  readonly onChange: () => void;
}

interface NoRoom {
  readonly kind: 'no_room';
  readonly until: number;
}

/** What became of an item: sent, or to come back at an instant, or not taken any more. */
export type LaneAnswer = { readonly kind: 'sent' } | NoRoom | { readonly kind: 'disabled' };

export interface Ticket {
  /** Whether it has a place; the answer says otherwise at once. */
  readonly isTaken: boolean;
  /** @throws what `send` has thrown */
  readonly answer: Promise<LaneAnswer>;
  /** Whether it is the destination that keeps it waiting, and for longer than anybody waits. */
  readonly isHeldUp: boolean;
  /** Gives the place in the queue up. @returns when to come back; null once it is being sent. */
  leave(): number | null;
}

/** How long an item waits for its place before it had better come back later; also what makes a destination slow. */
export const PATIENCE_MS = 250;
/** How long the first item of a batch waits for others; as long again for each request under way, so that a busy lane sends few large ones. */
const LINGER_MS = 20;
const LONGEST_LINGER_MS = 200;
const LATENCY_WEIGHT = 0.2;
/** The finest rest of the timer wheel, and the longest over which those that wait are spread. */
const SOONEST_MS = 1_000;
const LONGEST_SPREAD_MS = 300_000;
/** What a request is thought to take before the first one has ended. */
const SURMISED_REQUEST_MS = 100;
/** Failures for so long are told of: by nothing else would a successor know since when, where requests are too few to open the breaker. */
const FAILING_TOLD_MS = 300_000;
/** How often a disabled destination is tried. */
const DISABLED_PROBE_MS = 3_600_000;

interface Entry<Item> {
  readonly item: Item;
  readonly since: number;
  readonly answer: PromiseWithResolvers<LaneAnswer>;
  /** Null while it waits for its place. */
  flight: Flight | null;
}

export class DestinationLane<Item extends LaneItem> {
  readonly breaker: Breaker;
  readonly #options: LaneOptions<Item>;
  #limits: LaneLimits;
  #rate: SendRate | null;
  /** By envelope, the one that has waited longest first. */
  readonly #queue = new Map<string, Entry<Item>[]>();
  #queued = 0;
  readonly #running = new Set<Flight>();
  /** What the destination takes of a request's time. */
  #flightMs = 0;
  /** A request's time as a whole, our own records included. */
  #requestMs = 0;
  #away = 0;
  #switchedOff: SwitchedOff | null = null;
  #triedAt = 0;
  #toldFailingSince: number | null;
  #hasToTell = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LaneOptions<Item>) {
    this.#options = options;
    this.#limits = options.limits;
    const { clock, before } = options;
    this.breaker = new Breaker(clock.now(), before?.breaker);
    this.#switchedOff = before?.switchedOff ?? null;
    this.#toldFailingSince = this.breaker.failingSince;
    this.#rate = this.#rateOf(options.limits);
  }

  /** Since when nothing is sent to it, and why; null while it is. */
  get switchedOff(): SwitchedOff | null {
    return this.#switchedOff;
  }

  /** Items that were sent back and have not come again, as far as this process knows. */
  get away(): number {
    return this.#away;
  }

  /** Whether answers come later than anybody waits for them. */
  get isSlow(): boolean {
    return this.#flightMs > PATIENCE_MS || [...this.#running].some(({ ms }) => ms > PATIENCE_MS);
  }

  get isIdle(): boolean {
    return this.#queued === 0 && this.#running.size === 0;
  }

  limit(limits: LaneLimits): void {
    if (limits.ratePerSecond !== this.#limits.ratePerSecond) this.#rate = this.#rateOf(limits);
    this.#limits = limits;
  }

  /** What was told last may be another's word: the next request that tells anything of the destination is told of. */
  tellNext(): void {
    this.#hasToTell = true;
  }

  /** Nobody knows any more which of them come back here: those of a partition that is another's now do not. */
  forgetAway(): void {
    this.#away = 0;
  }

  /** An item that was sent back comes again. */
  welcomeBack(): void {
    this.#away = Math.max(0, this.#away - 1);
  }

  /** Whether nothing is taken now, and nothing is sent back either. */
  get isRefusing(): boolean {
    return this.#switchedOff !== null && this.#options.clock.now() < this.#triedAt + DISABLED_PROBE_MS;
  }

  /** Why an item cannot be taken now, and until when it is sent back; null: it may be. For whoever wants to spare the work before. */
  refusal(): Exclude<LaneAnswer, { kind: 'sent' }> | null {
    if (this.isRefusing) return { kind: 'disabled' };
    const now = this.#options.clock.now();
    const admission = this.breaker.admission(now, this.#limits.concurrency);
    if (admission.kind === 'shut') return this.#sentBack(admission.until);
    return null;
  }

  submit(item: Item): Ticket {
    const now = this.#options.clock.now();
    const refusal = this.refusal() ?? this.#crowding(now);
    if (refusal !== null)
      return { isTaken: false, answer: Promise.resolve(refusal), isHeldUp: false, leave: () => null };
    const entry: Entry<Item> = { item, since: now, answer: Promise.withResolvers(), flight: null };
    const alike = this.#queue.get(item.envelope);
    if (alike === undefined) this.#queue.set(item.envelope, [entry]);
    else alike.push(entry);
    this.#queued += 1;
    this.#pump();
    const isHeldUp = () => this.#isHeldUp(entry);
    return {
      isTaken: true,
      answer: entry.answer.promise,
      leave: () => this.#remove(entry),
      get isHeldUp() {
        return isHeldUp();
      },
    };
  }

  #isHeldUp({ flight }: Entry<Item>): boolean {
    if (flight !== null) return flight.ms > PATIENCE_MS;
    return this.isSlow || this.#isLong(this.#options.clock.now());
  }

  /** A destination that answers slowly, or a rate that is used up, would have the item wait for long. */
  #crowding(now: number): NoRoom | null {
    const { concurrency, maxBatch } = this.#limits;
    const admission = this.breaker.admission(now, concurrency);
    // A probe has a place beside whatever still hangs.
    const isFull = admission.kind === 'closed' && this.#running.size >= admission.atOnce;
    if ((isFull && this.isSlow && this.#queued >= maxBatch - 1) || this.#isLong(now))
      return this.#sentBack(now);
    return (this.#rate?.waitMs(now) ?? 0) > PATIENCE_MS ? this.#sentBack(now) : null;
  }

  /** Whether its queue is more than the destination takes while anybody waits. */
  #isLong(now: number): boolean {
    const waitMs = (this.#rate?.waitMs(now) ?? 0) + this.#queued * this.#msPerItem(this.#flightMs);
    return waitMs > PATIENCE_MS && this.#queued >= this.#limits.maxBatch;
  }

  /** Those that wait come back one after the other, as the destination can take them; where that would be too late, at any time. */
  #sentBack(until: number): NoRoom {
    const { clock, random } = this.#options;
    this.#away += 1;
    const turnMs = this.#away * this.#msPerItem(this.#requestMs || SURMISED_REQUEST_MS);
    const soonest = Math.max(until, clock.now() + SOONEST_MS) + random() * SOONEST_MS;
    // At random from the start they would come in a heap at first, find no room and be written to the wheel once more.
    const laterMs = turnMs < LONGEST_SPREAD_MS ? turnMs : random() * LONGEST_SPREAD_MS;
    return { kind: 'no_room', until: Math.round(soonest + laterMs) };
  }

  #msPerItem(latencyMs: number): number {
    const { concurrency, maxBatch, ratePerSecond } = this.#limits;
    const byRate = ratePerSecond === undefined ? 0 : 1_000 / ratePerSecond;
    return Math.max(latencyMs / concurrency, byRate) / maxBatch;
  }

  #pump(): void {
    for (;;) {
      const now = this.#options.clock.now();
      const [next] = this.#queue;
      if (next === undefined) return;
      const [envelope, entries] = next;
      const admission = this.breaker.admission(now, this.#limits.concurrency);
      if (admission.kind === 'shut') {
        this.#sendAllBack(admission.until);
        return;
      }
      if (admission.kind === 'closed' && this.#running.size >= admission.atOnce) return;
      const waitMs = Math.max(this.#rate?.waitMs(now) ?? 0, this.#lingerMs(entries, now));
      if (waitMs > 0) {
        this.#pumpIn(waitMs);
        return;
      }
      this.#rate?.reserve(now);
      const isProbe = admission.kind === 'probe';
      if (isProbe) this.breaker.beginProbe(now);
      this.#run(this.#take(envelope, entries, isProbe ? 1 : this.#limits.maxBatch), now, isProbe);
    }
  }

  #lingerMs(entries: readonly Entry<Item>[], now: number): number {
    const { maxBatch } = this.#limits;
    const since = entries[0]?.since ?? now;
    if (entries.length >= maxBatch) return 0;
    const lingerMs = Math.min(LINGER_MS * (1 + this.#running.size), LONGEST_LINGER_MS);
    return Math.max(0, lingerMs - (now - since));
  }

  #pumpIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#pump(), ms);
  }

  #take(envelope: string, entries: Entry<Item>[], most: number): readonly Entry<Item>[] {
    const taken = entries.splice(0, most);
    this.#queue.delete(envelope);
    // To the end, so that no envelope keeps the others waiting.
    if (entries.length > 0) this.#queue.set(envelope, entries);
    this.#queued -= taken.length;
    return taken;
  }

  #run(entries: readonly Entry<Item>[], now: number, isProbe: boolean): void {
    const flight = new Flight(this.#options.ownLagMs);
    for (const entry of entries) entry.flight = flight;
    this.#running.add(flight);
    this.#triedAt = now;
    this.#options
      .send(
        entries.map(({ item }) => item),
        flight,
      )
      .then(
        (health) => {
          this.#learn(health, now, isProbe, flight);
          for (const { answer } of entries) answer.resolve({ kind: 'sent' });
        },
        (error: unknown) => {
          this.#learn('unknown', now, isProbe, flight);
          for (const { answer } of entries) answer.reject(error);
        },
      )
      .finally(() => {
        this.#running.delete(flight);
        this.#pump();
      });
  }

  #learn(health: Health, since: number, isProbe: boolean, flight: Flight): void {
    const now = this.#options.clock.now();
    const before: BreakerState = this.breaker.state;
    const wasSwitchedOff = this.#switchedOff;
    if (health === 'unknown' && isProbe) this.breaker.dropProbe(now);
    if (health !== 'unknown') {
      this.#flightMs += (flight.ms - this.#flightMs) * LATENCY_WEIGHT;
      this.#requestMs += (now - since - this.#requestMs) * LATENCY_WEIGHT;
      if (health === 'up') this.breaker.succeeded(now, isProbe);
      else this.breaker.failed(now, isProbe);
    }
    const { failingSince } = this.breaker;
    if (failingSince === null) this.#switchedOff = null;
    else if (health === 'gone') this.#switchedOff ??= { at: now, reasonCode: 'receiver_gone' };
    else if (now - failingSince >= this.#limits.disableAfterMs)
      this.#switchedOff ??= { at: now, reasonCode: 'nothing_but_failures' };
    const hasToTell = this.#hasToTell && health !== 'unknown';
    const isChanged = this.breaker.state !== before || this.#switchedOff !== wasSwitchedOff;
    if (!hasToTell && !isChanged && !this.#isSpellNews(now)) return;
    this.#hasToTell = false;
    this.#toldFailingSince = failingSince;
    this.#options.onChange();
  }

  #isSpellNews(now: number): boolean {
    const { failingSince } = this.breaker;
    if (failingSince === this.#toldFailingSince) return false;
    return failingSince === null || now - failingSince >= FAILING_TOLD_MS;
  }

  #sendAllBack(until: number): void {
    const entries = [...this.#queue.values()].flat();
    this.#queue.clear();
    this.#queued = 0;
    for (const { answer } of entries) answer.resolve(this.#sentBack(until));
  }

  #remove(entry: Entry<Item>): number | null {
    const entries = this.#queue.get(entry.item.envelope) ?? [];
    const index = entries.indexOf(entry);
    if (index === -1) return null;
    entries.splice(index, 1);
    this.#queued -= 1;
    if (entries.length === 0) this.#queue.delete(entry.item.envelope);
    const answer = this.#sentBack(this.#options.clock.now());
    entry.answer.resolve(answer);
    return answer.until;
  }

  #rateOf({ ratePerSecond }: LaneLimits): SendRate | null {
    return ratePerSecond === undefined ? null : new SendRate(ratePerSecond, this.#options.clock.now());
  }
}
