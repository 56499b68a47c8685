/** Sends the load of the fan-out benchmark, reads off how fast and how late it reaches the receivers, and holds what came against what was asked. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Counts, Keeping, KeptRequest, Report } from '../../receivers/behaviour.ts';
import {
  type AskedDelivery,
  type ConfiguredReceiver,
  destinationIdOf,
  saleFor,
} from '../../receivers/configured-receivers.ts';
import { DeliveryBook } from '../../receivers/delivery-book.ts';
import { sendEvenly } from '../../receivers/paced-sales.ts';
import type { BenchProcess, FanOutSystem } from './fan-out-system.ts';

const POLL_MS = 100;
/** Requests of the measured time, to be sent again by undici alone. */
const KEPT_REQUESTS = 2_000;
const ARRIVALS: Keeping = { requests: 0, arrivals: true };
/** Longer than any merge of a run takes; after it the next load begins all the same. */
const MERGES_BOUND_MS = 120_000;
const DRAIN_BOUND_MS = 900_000;
/** A broker and a service that have just started compile their own code for half a minute, at twice to five times the cost. */
const BUSY_WARM_UP_MS = 45_000;
/** The first seconds at an even pace are not counted. */
const WARM_UP_S = 5;

export interface Throughput {
  readonly perSecond: number;
  /** By process, per million deliveries. */
  readonly cpuSecondsPerMillion: Readonly<Record<BenchProcess, number>>;
  readonly requests: readonly KeptRequest[];
  readonly deliveriesPerRequest: number;
}

export class FanOutBench {
  readonly #system: FanOutSystem;
  readonly #ahead: number;
  /** Since the start. */
  readonly #book = new DeliveryBook();
  /** Receivers that did not behave: a delivery may be repeated there. */
  readonly #unsteady = new Set<number>();
  #sales = 0;

  /** @param ahead so many decisions wait for fan-out: more than it has in hand at once. */
  constructor(system: FanOutSystem, ahead: number) {
    this.#system = system;
    this.#ahead = ahead;
  }

  /** Decisions for the receivers in turn, encoded. */
  prepare(receivers: readonly ConfiguredReceiver[], count: number): readonly AskedDelivery[] {
    const at = Date.now();
    return Array.from({ length: count }, (_, index) => {
      const receiver = receivers[index % receivers.length];
      if (receiver === undefined) throw new Error('no receivers');
      return saleFor(receiver, `bench-${this.#sales++}`, at);
    });
  }

  /**
   * Keeps fan-out busy, and measures once it has delivered the first decisions and everything is warm, until the time is over
   * or all is sent.
   * @throws Error when nothing was delivered meanwhile.
   */
  async throughput(load: readonly AskedDelivery[], forMs: number): Promise<Throughput> {
    const { local } = this.#system;
    await this.#merged();
    await this.#begin();
    let sent = 0;
    const goOn = async (end: number): Promise<Counts> => {
      const due = load.slice(sent, end);
      sent += due.length;
      await this.#send(due);
      await delay(POLL_MS);
      return local.count();
    };
    const warmAt = performance.now() + BUSY_WARM_UP_MS;
    let counts = await goOn(this.#ahead);
    while (counts.taken < this.#ahead / 2 || performance.now() < warmAt)
      counts = await goOn(this.#ahead + counts.taken);
    await this.#begin({ requests: KEPT_REQUESTS, arrivals: false });
    const first = sent;
    const startedAt = performance.now();
    const cpuBefore = this.#system.cpuSeconds();
    do counts = await goOn(first + counts.taken);
    while (performance.now() - startedAt < forMs && sent < load.length);
    const seconds = (performance.now() - startedAt) / 1_000;
    const cpuAfter = this.#system.cpuSeconds();
    const { kept } = await this.#begin();
    if (counts.taken === 0) throw new Error('fan-out delivered nothing in the measured time');
    return {
      perSecond: counts.taken / seconds,
      cpuSecondsPerMillion: perMillion(cpuBefore, cpuAfter, counts.taken),
      requests: kept,
      deliveriesPerRequest: counts.taken / counts.requests,
    };
  }

  /**
   * Sends at an even pace, for all of `receivers`.
   * @returns how long after it was due each decision came first to those of `waitedFor`, ms, sorted; the first seconds left out.
   */
  async paced(
    receivers: readonly ConfiguredReceiver[],
    perSecond: number,
    seconds: number,
    waitedFor: readonly ConfiguredReceiver[] = receivers,
  ): Promise<readonly number[]> {
    const load = this.prepare(receivers, perSecond * (seconds + WARM_UP_S));
    await this.#begin(ARRIVALS);
    const dueAt = new Map<string, number>();
    await sendEvenly(
      { perSecond, next: (nth) => load[nth] ?? null, send: (asked) => this.#send(asked) },
      dueAt,
    );
    const counted = load
      .slice(perSecond * WARM_UP_S)
      .filter(({ receiver }) => waitedFor.includes(receiver))
      .map(({ deliveryId }) => deliveryId);
    const arrivals = new Map<string, number>();
    const deadline = performance.now() + DRAIN_BOUND_MS;
    while (counted.some((id) => !arrivals.has(id))) {
      if (performance.now() > deadline) throw new Error('decisions did not reach their receivers');
      await delay(POLL_MS * 10);
      for (const reception of (await this.#begin(ARRIVALS)).receptions)
        for (const [id, at] of reception.arrivals) if (!arrivals.has(id)) arrivals.set(id, at);
    }
    return counted.map((id) => (arrivals.get(id) ?? 0) - (dueAt.get(id) ?? 0)).sort((a, b) => a - b);
  }

  /** From now on a delivery may be repeated to them. */
  allowRepeats(receivers: readonly ConfiguredReceiver[]): void {
    for (const { index } of receivers) this.#unsteady.add(index);
  }

  /**
   * Waits until everything that was asked for has been taken and is on record as delivered.
   * @throws Error where a receiver, or ClickHouse, has anything else than what was asked for.
   */
  async verify(): Promise<void> {
    const deadline = performance.now() + DRAIN_BOUND_MS;
    for (;;) {
      await this.#begin();
      const problem = this.#atReceivers() ?? (await this.#onRecord());
      if (problem === null) return;
      if (performance.now() > deadline) throw new Error(problem);
      await delay(POLL_MS * 10);
    }
  }

  /** Deliveries asked for so far. */
  get asked(): number {
    return this.#book.balance().asked;
  }

  async #send(asked: readonly AskedDelivery[]): Promise<void> {
    for (const each of asked) this.#book.ask(each);
    await this.#system.send(asked);
  }

  async #begin(keeping?: Keeping): Promise<Report> {
    const report = await this.#system.local.begin(keeping);
    this.#book.note(report);
    return report;
  }

  /** What an earlier load has left to merge is not paid for by the next. */
  async #merged(): Promise<void> {
    const deadline = performance.now() + MERGES_BOUND_MS;
    for (;;) {
      const [found] = await this.#system.engines.clickhouse.rows<{ merges: number }>(
        'SELECT toUInt32(count()) AS merges FROM system.merges',
      );
      if (found?.merges === 0 || performance.now() > deadline) return;
      await delay(POLL_MS * 10);
    }
  }

  #atReceivers(): string | null {
    const { asked, missing, foreign } = this.#book.balance();
    const steady = this.#system.receivers
      .map(({ index }) => index)
      .filter((index) => !this.#unsteady.has(index));
    const repeated = this.#book.balance(steady).repeats.size;
    if (missing + foreign + repeated === 0) return null;
    return `of ${asked} deliveries ${missing} are missing at the receivers, ${foreign} foreign, ${repeated} repeated`;
  }

  async #onRecord(): Promise<string | null> {
    for (const receiver of this.#system.receivers) {
      const asked = this.#book.askedOf(receiver.index);
      const rows = await this.#system.engines.clickhouse.rows<{ deliveryId: string; isDelivered: boolean }>(
        `SELECT deliveryId, phase = 'ended' AND ifNull(outcome, '') = 'delivered' AS isDelivered
         FROM deliveries FINAL WHERE destinationId = {destinationId:String}`,
        { destinationId: destinationIdOf(receiver) },
      );
      const delivered = rows.filter((row) => row.isDelivered && asked.has(row.deliveryId)).length;
      if (delivered !== asked.size || rows.length !== asked.size)
        return `ClickHouse has ${delivered} of ${asked.size} deliveries to receiver ${receiver.index} as delivered, and ${rows.length} in all`;
    }
    return null;
  }
}

function perMillion(
  before: Readonly<Record<BenchProcess, number>>,
  after: Readonly<Record<BenchProcess, number>>,
  count: number,
): Readonly<Record<BenchProcess, number>> {
  const names = Object.keys(after) as BenchProcess[];
  return Object.fromEntries(
    names.map((name) => [name, ((after[name] - before[name]) / count) * 1e6]),
  ) as Record<BenchProcess, number>;
}
