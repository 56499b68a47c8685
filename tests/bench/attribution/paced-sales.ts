/** Sales at an even pace, every tenth with a click that comes just before it, and how long each takes to be attributed. */
import { setTimeout as delay } from 'node:timers/promises';
import type { OutgoingRecord } from '@tributary/bus';
import { decodeEvent } from '@tributary/contracts';
import type { Consumer } from 'kafkajs';
import { type BenchRow, quantile } from '../results.ts';
import type { AttributionSystem } from './attribution-system.ts';
import type { History } from './bench-history.ts';
import { BenchPostbacks } from './bench-postbacks.ts';

/** A click comes so long before its postback at most. */
const FRESH_CLICK_MS = 300;
const FRESH_PERCENT = 10;
const TICK_MS = 10;
/** The first seconds are not counted: the backlog before them has just been decided. */
const WARM_UP_S = 5;
/** Until the group of the reader has its partitions. */
const SUBSCRIBED_MS = 5_000;
/** A click that was late by more than half a minute is found five minutes after. */
const ATTRIBUTED_BOUND_MS = 330_000;
const POLL_MS = 500;

interface Sale {
  readonly record: OutgoingRecord;
  readonly transactionId: string;
  /** When it is to be sent, by the monotonic clock. */
  readonly dueAt: number;
}

export class PacedSales {
  readonly #system: AttributionSystem;
  readonly #perSecond: number;
  readonly #postbacks: BenchPostbacks;
  /** By transaction: those that are not attributed yet. */
  readonly #dueAt = new Map<string, number>();
  readonly #latenciesMs: number[] = [];
  #countedFrom = Number.POSITIVE_INFINITY;

  constructor(system: AttributionSystem, history: History, perSecond: number) {
    this.#system = system;
    this.#perSecond = perSecond;
    this.#postbacks = new BenchPostbacks(history, `pace-${perSecond}`, 2);
  }

  /** @throws Error when a sale is not attributed in the end. */
  async run(seconds: number): Promise<BenchRow> {
    const perSecond = this.#perSecond;
    const reader = await this.#readDecisions();
    try {
      await this.#send(perSecond * (seconds + WARM_UP_S));
      const deadline = performance.now() + ATTRIBUTED_BOUND_MS;
      while (this.#dueAt.size > 0 && performance.now() < deadline) await delay(POLL_MS);
    } finally {
      await reader.disconnect();
    }
    if (this.#dueAt.size > 0) throw new Error(`${this.#dueAt.size} sales were not attributed`);
    const sorted = this.#latenciesMs.toSorted((a, b) => a - b);
    return {
      name: `latency-${perSecond}`,
      value: perSecond,
      unit: 'postbacks/s',
      p50Ms: quantile(sorted, 0.5),
      p95Ms: quantile(sorted, 0.95),
      p99Ms: quantile(sorted, 0.99),
      ceiling: null,
      ratio: null,
    };
  }

  async #readDecisions(): Promise<Consumer> {
    const reader = this.#system.connection.kafka.consumer({
      groupId: `bench-latency-${this.#perSecond}`,
      maxWaitTimeInMs: 10,
    });
    await reader.connect();
    await reader.subscribe({ topic: 'conversion.decided.v1', fromBeginning: false });
    await reader.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        const readAt = performance.now();
        for (const { value } of batch.messages) this.#noteDecision(value, readAt);
      },
    });
    await delay(SUBSCRIBED_MS);
    return reader;
  }

  #noteDecision(value: Buffer | null, readAt: number): void {
    const decoded = decodeEvent('conversion.decided.v1', value);
    if (!decoded.ok || decoded.value.match !== 'attributed') return;
    const transactionId = decoded.value.transactionId ?? '';
    const dueAt = this.#dueAt.get(transactionId);
    if (dueAt === undefined) return;
    this.#dueAt.delete(transactionId);
    if (dueAt >= this.#countedFrom) this.#latenciesMs.push(readAt - dueAt);
  }

  async #send(count: number): Promise<void> {
    const perSecond = this.#perSecond;
    const sending: Promise<unknown>[] = [];
    const startedAt = performance.now();
    this.#countedFrom = startedAt + WARM_UP_S * 1_000;
    let waiting: Sale[] = [];
    for (let made = 0; made < count || waiting.length > 0; ) {
      await delay(TICK_MS);
      const now = performance.now();
      const records: OutgoingRecord[] = [];
      for (const due = ((now - startedAt) / 1_000) * perSecond; made < Math.min(due, count); made += 1)
        waiting.push(this.#sale(made, startedAt + (made / perSecond) * 1_000, records));
      for (const { record, transactionId, dueAt } of waiting.filter((sale) => sale.dueAt <= now)) {
        records.push(record);
        this.#dueAt.set(transactionId, dueAt);
      }
      waiting = waiting.filter((sale) => sale.dueAt > now);
      if (records.length > 0) sending.push(this.#system.producer.produce(records));
    }
    await Promise.all(sending);
  }

  /** @param at when its turn is; one with a click of its own waits a moment longer, while the click goes first. */
  #sale(made: number, at: number, clicks: OutgoingRecord[]): Sale {
    const isFresh = made % 100 < FRESH_PERCENT;
    const { record, click, transactionId } = this.#postbacks.sale(Date.now(), isFresh);
    if (click !== null) clicks.push(click);
    const waits = isFresh ? (made * 37) % FRESH_CLICK_MS : 0;
    return { record, transactionId: transactionId ?? '', dueAt: at + waits };
  }
}
