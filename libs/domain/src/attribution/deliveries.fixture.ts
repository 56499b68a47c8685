/** Deliveries of a history: the same facts in some order, with retries, late clicks and the clock between them. */
import { DAY_MS, NOON } from './attribution.fixture.ts';
import type { Conversion } from './conversion.ts';
import type { History } from './histories.fixture.ts';
import { HISTORY_RULES, LANES } from './histories.fixture.ts';
import { InMemoryLedger } from './in-memory-ledger.ts';
import type { ConfiguredRules, Judgement } from './known-facts.ts';
import type { Moment } from './moment.ts';
import type { Command, Input, Result } from './reducer.ts';
import { reduce } from './reducer.ts';
import type { Report } from './report.ts';

/** What happens to the lanes, in order. `shown` makes a click visible, `seen` tells the lanes of it. */
export type Step =
  | { readonly kind: 'shown'; readonly click: History['clicks'][number] }
  | { readonly kind: 'seen'; readonly clickId: string; readonly watermarkReached: boolean }
  | { readonly kind: 'report'; readonly report: Report; readonly watermarkReached: boolean }
  | { readonly kind: 'ordered'; readonly command: Command }
  | { readonly kind: 'due' }
  | { readonly kind: 'clock'; readonly now: number; readonly laneReadUntil: number };

/** Before the deadline of every wait, and after every deadline there is. */
const EARLY = NOON - DAY_MS;
const LATE = NOON + 365 * DAY_MS;

/** A small generator of its own (mulberry32), so that a seed names an order for ever. */
export function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function shuffled<V>(values: readonly V[], random: () => number): V[] {
  const order = [...values];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    const [a, b] = [order[last], order[other]];
    if (a !== undefined && b !== undefined) [order[last], order[other]] = [b, a];
  }
  return order;
}

/** Everything in the order of time, nothing twice: the plain delivery that others are held against. */
export function plainDelivery({ clicks, reports, commands }: History): readonly Step[] {
  return [
    { kind: 'clock', now: EARLY, laneReadUntil: EARLY },
    ...clicks.map((click) => ({ kind: 'shown' as const, click })),
    ...reports
      .toSorted((a, b) => a.receivedAt - b.receivedAt)
      .map((report) => ({ kind: 'report' as const, report, watermarkReached: true })),
    ...commands.map((command) => ({ kind: 'ordered' as const, command })),
    { kind: 'clock', now: LATE, laneReadUntil: LATE },
  ];
}

/**
 * Any order with retries. Clicks come before the deadlines pass, since a wait is over by time, and the lane is told of each
 * once, at once or later; postbacks come at any time, with looks at what is due between them. Orders come at any time too,
 * and once more when all is there, for one about a conversion that is not yet known leads to nothing.
 */
export function mixedDelivery({ clicks, reports, commands }: History, seed: number): readonly Step[] {
  const random = randomOf(seed);
  const again = reports.filter(() => random() < 0.25);
  const order = shuffled([...reports, ...again], random);
  const early = Math.floor(random() * (order.length + 1));
  const toStep = (report: Report): Step => ({ kind: 'report', report, watermarkReached: random() < 0.6 });
  const orders = commands.map((command): Step => ({ kind: 'ordered', command }));
  const isEarlyOrder = random() < 0.5;
  const clickSteps = shuffled([...clicks, ...clicks.filter(() => random() < 0.1)], random);
  const first = interleaved(
    order.slice(0, early).map(toStep),
    clickSteps.map((click): Step => ({ kind: 'shown', click })),
    random,
  );
  const untold: Step[] = [];
  const told = first.flatMap((step): Step[] => {
    if (step.kind !== 'shown') return [step];
    const seen: Step = { kind: 'seen', clickId: step.click.clickId, watermarkReached: random() < 0.5 };
    if (random() < 0.5) return [step, seen];
    untold.push(seen);
    return [step];
  });
  const late = order.slice(early).map(toStep);
  const looks = interleaved(late, isEarlyOrder ? [] : orders, random).flatMap((step): Step[] =>
    random() < 0.3 ? [{ kind: 'due' }, step] : [step],
  );
  return [
    { kind: 'clock', now: EARLY, laneReadUntil: EARLY },
    ...interleaved(told, isEarlyOrder ? orders : [], random),
    ...untold,
    { kind: 'clock', now: LATE, laneReadUntil: random() < 0.5 ? LATE : EARLY },
    ...looks,
    ...orders,
    { kind: 'clock', now: LATE + DAY_MS, laneReadUntil: LATE + DAY_MS },
  ];
}

function interleaved<V>(a: readonly V[], b: readonly V[], random: () => number): readonly V[] {
  const [left, right] = [[...a], [...b]];
  const all: V[] = [];
  while (left.length + right.length > 0) {
    const next = random() * (left.length + right.length) < left.length ? left.shift() : right.shift();
    if (next !== undefined) all.push(next);
  }
  return all;
}

/** What a delivery came to. */
export interface Delivered {
  readonly ledger: InMemoryLedger;
  readonly inputs: readonly Input[];
  readonly judgements: readonly Judgement[];
  readonly revisions: readonly Conversion[];
}

/** Decides inputs: alone over the ledger, or in a batch that the caller makes. Applies nothing. */
export type Decider = (inputs: readonly Input[], ledger: InMemoryLedger) => readonly Result[];

export const oneByOne: Decider = (inputs, ledger) => inputs.map((input) => reduce(ledger, input));

/**
 * Delivers, and at the end looks at all that is due: nothing else may be needed for the end to be the right one.
 * @param batchSize of how many postbacks and orders in a row one call of `decide` is made.
 */
export function deliver(
  steps: readonly Step[],
  {
    decide = oneByOne,
    batchSize = () => 1,
    rules = HISTORY_RULES,
  }: { decide?: Decider; batchSize?: () => number; rules?: ConfiguredRules } = {},
): Delivered {
  const lanes = new DeliveredLanes(decide, batchSize, rules);
  for (const step of steps) lanes.take(step);
  lanes.end();
  return lanes;
}

class DeliveredLanes implements Delivered {
  readonly ledger: InMemoryLedger;
  readonly inputs: Input[] = [];
  readonly judgements: Judgement[] = [];
  readonly revisions: Conversion[] = [];
  readonly #decide: Decider;
  readonly #batchSize: () => number;
  #batch: Input[] = [];
  #size = 1;
  #now = EARLY;
  #laneReadUntil = EARLY;
  #offset = 0;

  constructor(decide: Decider, batchSize: () => number, rules: ConfiguredRules) {
    this.ledger = new InMemoryLedger(rules);
    this.#decide = decide;
    this.#batchSize = batchSize;
  }

  take(step: Step): void {
    if (step.kind === 'report') {
      this.#offset += 1;
      const report = { ...step.report, position: { partition: 0, offset: this.#offset } };
      this.#add({ kind: 'postback', report, at: this.#at(step.watermarkReached) });
      return;
    }
    if (step.kind === 'ordered') {
      this.#add({ kind: 'command', command: step.command, at: this.#at(true) });
      return;
    }
    this.#flush();
    if (step.kind === 'clock') {
      this.#now = step.now;
      this.#laneReadUntil = step.laneReadUntil;
    }
    if (step.kind === 'shown') this.ledger.showClick(step.click);
    if (step.kind === 'seen') this.#see(step.clickId, step.watermarkReached);
    if (step.kind === 'due') this.#lookAtDue();
  }

  end(): void {
    this.#flush();
    this.#lookAtDue();
  }

  #see(clickId: string, watermarkReached: boolean): void {
    for (const lane of LANES)
      this.#decideAll([{ kind: 'click', clickId, lane, at: this.#at(watermarkReached) }]);
  }

  #lookAtDue(): void {
    for (const { conversionId } of this.ledger.due(this.#now))
      this.#decideAll([{ kind: 'instant', conversionId, at: this.#at(true) }]);
  }

  #add(input: Input): void {
    if (this.#batch.length === 0) this.#size = this.#batchSize();
    this.#batch.push(input);
    if (this.#batch.length >= this.#size) this.#flush();
  }

  #flush(): void {
    const batch = this.#batch;
    this.#batch = [];
    if (batch.length > 0) this.#decideAll(batch);
  }

  #decideAll(inputs: readonly Input[]): void {
    this.inputs.push(...inputs);
    for (const result of this.#decide(inputs, this.ledger)) {
      if (result.judgement !== null && this.ledger.judgement(result.judgement.receiptId) === undefined)
        this.judgements.push(result.judgement);
      this.revisions.push(...result.revisions);
      this.ledger.apply(result);
    }
  }

  #at(watermarkReached: boolean): Moment {
    return {
      now: this.#now,
      watermarkReached,
      laneReadUntil: this.#laneReadUntil,
      position: { partition: 0, offset: this.#offset },
      configurationVersion: 1,
    };
  }
}
