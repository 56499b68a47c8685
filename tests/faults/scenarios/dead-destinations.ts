/** Two destinations are away while deliveries for them pile up: memory stays flat, the others notice nothing, and after the recovery all of it is delivered, slowly at first. */
import { setTimeout as delay } from 'node:timers/promises';
import { printLedger } from '../../../apps/launcher/src/ledger/ledger.ts';
import { median, quantile } from '../../bench/results.ts';
import { BLACK_HOLE, FAILING, type Reception, WELL } from '../../receivers/behaviour.ts';
import type { ConfiguredReceiver } from '../../receivers/configured-receivers.ts';
import { sendEvenly } from '../../receivers/paced-sales.ts';
import { atMost, line } from '../fan-out/delivery-ledger.ts';
import type { FanOutBed } from '../fan-out/fan-out-bed.ts';
import { readDeliveryLedger } from '../fan-out/read-ledger.ts';
import type { ScenarioResult } from '../totals.ts';

export interface DeadDestinationsOptions {
  /** For each of the two. */
  readonly waiting: number;
  /** Decisions for them a second, until so many wait. */
  readonly fillPerSecond: number;
  /** How long they all wait then. */
  readonly holdMs: number;
  /** Decisions a second for the others, all the time. */
  readonly healthyPerSecond: number;
  readonly baselineMs: number;
  readonly recoveryBoundMs: number;
  /** The others' p95 may be this much above what it was before, ms. */
  readonly p95SlackMs: number;
}

const CONCURRENCY = 16;
export const DEAD_RECEIVERS = Array.from({ length: 10 }, () => ({
  kind: 'partner-postback' as const,
  concurrency: CONCURRENCY,
  // Ends only delivered: while a destination is away its attempts use up tries.
  scheduleMs: Array.from({ length: 40 }, () => 1_000),
}));
/** Slow enough for several requests to be there at once. */
const RECOVERED = { ...WELL, answerAfterMs: 20 };
const SAMPLE_MS = 1_000;
const PRINT_EVERY_MS = 30_000;
/** So many are not counted each second: what counts them shares the machine. */
const MANY = 50_000;
const LOOK_AT_MANY_MS = 10_000;
const FILL_TICK_MS = 20;
/** Node's own heap breathes by this much. */
const MEMORY_SLACK = 32 * 1024 * 1024;
const MEMORY_RATIO = 1.1;
/** 2 requests at once after the first probe that got through, doubled each second; one more for the probe. */
const RAMP_FROM = 2;
const PRINTED_SECONDS = 120;

type Seconds = Map<number, { requests: number; mostAtOnce: number }>;

export async function deadDestinations(
  bed: FanOutBed,
  options: DeadDestinationsOptions,
): Promise<ScenarioResult> {
  const [failing, silent, ...others] = bed.receivers;
  if (failing === undefined || silent === undefined) throw new Error('no receivers');
  const watch = new Watch(bed);
  const healthy = new HealthyTraffic(bed, others, options.healthyPerSecond, watch);
  const samples: number[] = [];
  const before = await healthy.during(() => delay(options.baselineMs));
  const atStart = bed.memory();
  await bed.local.behave([failing.index], FAILING);
  await bed.local.behave([silent.index], BLACK_HOLE);
  const filling = await healthy.during(() => fill(bed, [failing, silent], options));
  const filled = bed.memory();
  const holding = await healthy.during(() => hold(bed, options.holdMs, samples));
  const recoveredAt = Date.now();
  await bed.local.behave([failing.index, silent.index], RECOVERED);
  const recovering = await healthy.during(() => recovered(bed, [failing, silent], watch, options));
  await bed.workedOff(options.recoveryBoundMs);
  await watch.read();
  const ends = [failing, silent].map(({ index }) => ramp(watch.secondsOf(index), recoveredAt));
  const { lines: read } = await readDeliveryLedger(bed);
  const [first, last] = [median(samples.slice(0, third(samples))), median(samples.slice(-third(samples)))];
  const lines = [
    ...read,
    line('uncommitted records', 0, await bed.uncommitted()),
    atMost(
      'MB of memory at the end of the wait',
      megabytes(first * MEMORY_RATIO + MEMORY_SLACK),
      megabytes(last),
    ),
    atMost(
      'p95 of the others while they wait, ms',
      Math.round(before.p95 + options.p95SlackMs),
      Math.round(holding.p95),
    ),
    ...ends.map(({ most }) => atMost('requests at once after the recovery', CONCURRENCY + 1, most)),
    ...ends.map(({ early }) => line('seconds of the ramp with more at once than it allows', 0, early)),
  ];
  const difference = lines.reduce((sum, each) => sum + each.difference, 0);
  if (difference !== 0) bed.keepEvidence();
  return {
    difference,
    lines: [
      `${options.waiting} deliveries waited for each of two destinations, all of them for ${options.holdMs / 1_000} s`,
      `  memory of fan-out, MB: ${megabytes(atStart)} before, ${megabytes(filled)} when all waited, ${megabytes(first)} and ${megabytes(last)} in the first and the last third of the wait`,
      ...Object.entries({ before, filling, holding, recovering }).map(
        ([phase, { p50, p95, count }]) =>
          `  the others, ${phase}: p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms of ${count} deliveries`,
      ),
      ...ends.flatMap(({ text }, index) => [
        `  requests/s at recovered receiver ${index}, by second (most at once):`,
        ...text,
      ]),
      ...printLedger({ lines, difference }).split('\n'),
    ],
  };
}

/** Reads what came at the receivers, and adds it up. */
class Watch {
  readonly #bed: FanOutBed;
  readonly #seconds = new Map<number, Seconds>();
  readonly #arrivals = new Map<string, number>();

  constructor(bed: FanOutBed) {
    this.#bed = bed;
  }

  get arrivals(): ReadonlyMap<string, number> {
    return this.#arrivals;
  }

  async read(): Promise<void> {
    const { receptions } = await this.#bed.read({ requests: 0, arrivals: true });
    for (const [index, reception] of receptions.entries()) this.#note(index, reception);
  }

  /** Of one receiver, by second of the epoch. */
  secondsOf(index: number): Seconds {
    return this.#seconds.get(index) ?? new Map();
  }

  #note(index: number, { seconds, arrivals }: Reception): void {
    const own = this.secondsOf(index);
    this.#seconds.set(index, own);
    for (const [second, { requests, mostAtOnce }] of seconds) {
      const noted = own.get(second) ?? { requests: 0, mostAtOnce: 0 };
      noted.requests += requests;
      noted.mostAtOnce = Math.max(noted.mostAtOnce, mostAtOnce);
      own.set(second, noted);
    }
    for (const [id, at] of arrivals) if (!this.#arrivals.has(id)) this.#arrivals.set(id, at);
  }
}

/** Decisions for the destinations that are well, at an even pace, and how long each takes to its first attempt. */
class HealthyTraffic {
  readonly #bed: FanOutBed;
  readonly #others: readonly ConfiguredReceiver[];
  readonly #perSecond: number;
  readonly #watch: Watch;

  constructor(bed: FanOutBed, others: readonly ConfiguredReceiver[], perSecond: number, watch: Watch) {
    this.#bed = bed;
    this.#others = others;
    this.#perSecond = perSecond;
    this.#watch = watch;
  }

  async during(
    work: () => Promise<unknown>,
  ): Promise<{ readonly p50: number; readonly p95: number; readonly count: number }> {
    const ending = new AbortController();
    const dueAt = new Map<string, number>();
    await this.#watch.read();
    const traffic = sendEvenly(
      {
        perSecond: this.#perSecond,
        send: (asked) => this.#bed.send(asked),
        next: (nth) => {
          const receiver = this.#others[nth % this.#others.length];
          return ending.signal.aborted || receiver === undefined ? null : this.#bed.sale(receiver);
        },
      },
      dueAt,
    );
    const worked = work().finally(() => ending.abort());
    const outcomes = await Promise.allSettled([worked, traffic]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    const latencies = await this.#latencies(dueAt);
    return { p50: quantile(latencies, 0.5), p95: quantile(latencies, 0.95), count: latencies.length };
  }

  /** One that has not come yet counts as late as it is by now. */
  async #latencies(dueAt: ReadonlyMap<string, number>): Promise<readonly number[]> {
    await delay(SAMPLE_MS);
    await this.#watch.read();
    const now = Date.now();
    const latencies = [...dueAt].map(([id, at]) => (this.#watch.arrivals.get(id) ?? now) - at);
    return latencies.sort((a, b) => a - b);
  }
}

async function fill(
  bed: FanOutBed,
  dead: readonly ConfiguredReceiver[],
  { waiting, fillPerSecond, healthyPerSecond }: DeadDestinationsOptions,
): Promise<void> {
  const startedAt = performance.now();
  const total = waiting * dead.length;
  for (let sent = 0; sent < total; await delay(FILL_TICK_MS)) {
    const byNow = Math.min(total, Math.floor(((performance.now() - startedAt) / 1_000) * fillPerSecond));
    const sales = Array.from({ length: byNow - sent }, (_, index) => {
      const receiver = dead[(sent + index) % dead.length];
      if (receiver === undefined) throw new Error('no receivers');
      return bed.sale(receiver);
    });
    await bed.send(sales);
    sent = byNow;
  }
  // What has been sent faster than fan-out reads stands before everybody's decisions, and does not wait for a destination yet.
  while ((await bed.unmet()) > healthyPerSecond) await delay(SAMPLE_MS);
  while ((await bed.unstored()) > 2 * healthyPerSecond) await delay(SAMPLE_MS);
  bed.log(`${total} deliveries wait; memory of fan-out ${megabytes(bed.memory())} MB`);
}

async function hold(bed: FanOutBed, holdMs: number, samples: number[]): Promise<void> {
  const startedAt = performance.now();
  let printAt = startedAt + PRINT_EVERY_MS;
  while (performance.now() - startedAt < holdMs) {
    await delay(SAMPLE_MS);
    samples.push(bed.memory());
    if (performance.now() < printAt) continue;
    printAt += PRINT_EVERY_MS;
    bed.log(`they wait; memory of fan-out ${megabytes(bed.memory())} MB`);
  }
}

async function recovered(
  bed: FanOutBed,
  dead: readonly ConfiguredReceiver[],
  watch: Watch,
  { recoveryBoundMs }: DeadDestinationsOptions,
): Promise<void> {
  const indices = dead.map(({ index }) => index);
  const deadline = performance.now() + recoveryBoundMs;
  let printAt = performance.now() + PRINT_EVERY_MS;
  let missing = bed.book.balance(indices).asked;
  for (;;) {
    await delay(missing > MANY ? LOOK_AT_MANY_MS : SAMPLE_MS);
    await watch.read();
    missing = bed.book.balance(indices).missing;
    if (missing === 0) return;
    if (performance.now() > deadline) throw new Error(`${missing} deliveries still wait after the recovery`);
    if (performance.now() < printAt) continue;
    printAt += PRINT_EVERY_MS;
    bed.log(`recovering: ${missing} deliveries still wait; memory of fan-out ${megabytes(bed.memory())} MB`);
  }
}

interface Ramp {
  readonly most: number;
  /** Seconds in which more were sent at once than the ramp allows. */
  readonly early: number;
  readonly text: readonly string[];
}

/** A second of the receiver's clock overlaps two of the ramp's, hence the one in advance. */
function ramp(seconds: Seconds, recoveredAt: number): Ramp {
  const after = [...seconds].filter(([second]) => second * 1_000 >= recoveredAt).sort(([a], [b]) => a - b);
  const [firstSecond = 0] = after[0] ?? [];
  const early = after.filter(([second, { mostAtOnce }]) => {
    const allowed = Math.min(CONCURRENCY, RAMP_FROM * 2 ** (second - firstSecond + 1)) + 1;
    return mostAtOnce > allowed;
  }).length;
  const cells = after
    .slice(0, PRINTED_SECONDS)
    .map(([second, { requests, mostAtOnce }]) => `${second - firstSecond}: ${requests} (${mostAtOnce})`);
  const text = Array.from(
    { length: Math.ceil(cells.length / 10) },
    (_, row) => `    ${cells.slice(row * 10, row * 10 + 10).join('  ')}`,
  );
  return { most: Math.max(0, ...after.map(([, { mostAtOnce }]) => mostAtOnce)), early, text };
}

function third(samples: readonly number[]): number {
  return Math.max(1, Math.floor(samples.length / 3));
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}
