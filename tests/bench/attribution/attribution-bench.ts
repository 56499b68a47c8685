/** Fills the store, sends the load and reads off how fast attribution decides it, and how late. */
import { setTimeout as delay } from 'node:timers/promises';
import { type OutgoingRecord, outgoing } from '@tributary/bus';
import type { BenchRow } from '../results.ts';
import type { AttributionSystem } from './attribution-system.ts';
import {
  clickedAtOf,
  clickIdOf,
  clickOf,
  customerOf,
  type History,
  pastTransactionOf,
  postbackOf,
} from './bench-history.ts';
import { checkIds, fillHistory } from './bench-history-tables.ts';
import { type BenchPostback, BenchPostbacks } from './bench-postbacks.ts';
import { PacedSales } from './paced-sales.ts';

const SPECIMEN_RECEIPT = '00000000-0000-4000-8000-0000000000be';
const SPECIMEN_BOUND_MS = 30_000;
const MERGES_BOUND_MS = 120_000;
const DRAIN_BOUND_MS = 300_000;
const POLL_MS = 500;
const SEND_AT_ONCE = 2_000;
/** So many postbacks wait to be decided, more than two polls' worth: a longer backlog would only keep ClickHouse busy storing it. */
const AHEAD = 10_000;

export interface Throughput {
  /** Postbacks judged, as the table of verdicts shows them. */
  readonly perSecond: number;
  /** Rows of the table of decisions. */
  readonly revisionsPerSecond: number;
  /** By process, per million postbacks. */
  readonly cpuSecondsPerMillion: Readonly<Record<BenchProcess, number>>;
  /** What ClickHouse counts of itself, per million postbacks. */
  readonly clickhouseWork: Readonly<Record<string, number>>;
}

export type BenchProcess = 'attribution' | 'clickhouse' | 'kafka';

/** Of system.events: what tells questions, intake and merges apart. */
const CLICKHOUSE_EVENTS = [
  'SelectQuery',
  'SelectQueryTimeMicroseconds',
  'SelectedMarks',
  'SelectedBytes',
  'InsertedRows',
  'InsertQueryTimeMicroseconds',
  'KafkaRowsRead',
  'Merge',
  'MergeExecuteMilliseconds',
  'MergedRows',
];

interface Counts {
  readonly at: number;
  readonly receipts: number;
  readonly decisions: number;
  readonly cpuSeconds: Readonly<Record<BenchProcess, number>>;
  readonly clickhouseWork: Readonly<Record<string, number>>;
}

export class AttributionBench {
  readonly history: History;
  readonly #system: AttributionSystem;
  #sent = 0;

  constructor(system: AttributionSystem, history: History) {
    this.#system = system;
    this.history = history;
  }

  /** Postbacks that stand in the topic. */
  get sentSinceStart(): number {
    return this.#sent;
  }

  /** Has attribution decide one conversion, and fills the store with copies of it. */
  async prepare(): Promise<void> {
    const { clickhouse, producer } = this.#system;
    await checkIds(clickhouse, this.history);
    const clickId = clickIdOf(0, this.history);
    const at = clickedAtOf(0, this.history);
    const click = clickOf(clickId, '00', at, null);
    await producer.produce([outgoing('click.recorded.v1', clickId, click)]);
    await this.#until('SELECT count() AS n FROM clicks', 1, SPECIMEN_BOUND_MS);
    await this.#system.startAttribution();
    const postback = postbackOf('00', SPECIMEN_RECEIPT, at + 60_000, {
      clickId,
      transactionId: pastTransactionOf(0),
      customerId: customerOf(0),
    });
    await this.#send([outgoing('postback.received.v1', postback.lane, postback)]);
    await this.#until('SELECT count() AS n FROM receipts', 1, SPECIMEN_BOUND_MS);
    for (const table of ['decision_records', 'conversions'])
      await this.#until(`SELECT count() AS n FROM ${table}`, 1, SPECIMEN_BOUND_MS);
    const specimen = { clickId, receiptId: SPECIMEN_RECEIPT };
    await fillHistory(clickhouse, this.history, specimen, (text) => console.log(text));
    await this.#merged();
  }

  /**
   * Keeps attribution busy with so many postbacks at most, and measures once it has decided the first of them.
   * @throws Error when one of them is not judged, or not as it must be.
   */
  async throughput(atMost: number, forMs: number): Promise<Throughput> {
    const postbacks = new BenchPostbacks(this.history, 'load', 1);
    const startedAt = Date.now();
    const load = Array.from({ length: atMost }, () => postbacks.mixed(startedAt));
    const lateClicks = load.flatMap(({ click }, index) => (click === null ? [] : [{ click, index }]));
    const before = await this.#counts();
    const sentBefore = this.#sent;
    const goOn = async ({ receipts }: Counts) => {
      const judged = receipts - before.receipts;
      const due = load.slice(this.#sent - sentBefore, judged + AHEAD);
      await this.#send(due.map(({ record }) => record));
      await this.#sendLateClicks(lateClicks, judged);
      await delay(POLL_MS);
      return this.#counts();
    };
    let from = before;
    while (from.receipts - before.receipts < AHEAD) from = await goOn(from);
    let to = from;
    while (to.at - from.at < forMs && this.#sent - sentBefore < atMost) to = await goOn(to);
    const sent = this.#sent - sentBefore;
    const judged = to.receipts - from.receipts;
    await this.#until('SELECT count() AS n FROM receipts', before.receipts + sent, DRAIN_BOUND_MS);
    await this.#sendLateClicks(lateClicks, sent);
    await this.#check(load.slice(0, sent));
    const seconds = (to.at - from.at) / 1_000;
    return {
      perSecond: judged / seconds,
      revisionsPerSecond: (to.decisions - from.decisions) / seconds,
      cpuSecondsPerMillion: perMillion(from.cpuSeconds, to.cpuSeconds, judged),
      clickhouseWork: perMillion(from.clickhouseWork, to.clickhouseWork, judged),
    };
  }

  /** Sales at an even pace, until each is attributed. */
  latency(perSecond: number, seconds: number): Promise<BenchRow> {
    return new PacedSales(this.#system, this.history).run(perSecond, seconds);
  }

  async #send(records: readonly OutgoingRecord[]): Promise<void> {
    for (let start = 0; start < records.length; start += SEND_AT_ONCE)
      await this.#system.producer.produce(records.slice(start, start + SEND_AT_ONCE));
    this.#sent += records.length;
  }

  /** Clicks of late postbacks that have been judged, in the order in which they were sent. */
  async #sendLateClicks(
    waiting: { readonly click: OutgoingRecord; readonly index: number }[],
    judged: number,
  ): Promise<void> {
    const end = waiting.findIndex(({ index }) => index >= judged);
    const due = waiting.splice(0, end === -1 ? waiting.length : end);
    await this.#system.producer.produce(due.map(({ click }) => click));
  }

  async #counts(): Promise<Counts> {
    const [row] = await this.#system.clickhouse.rows<{ receipts: string; decisions: string }>(
      'SELECT (SELECT count() FROM receipts) AS receipts, (SELECT count() FROM decisions) AS decisions',
    );
    return {
      at: performance.now(),
      receipts: Number(row?.receipts ?? 0),
      decisions: Number(row?.decisions ?? 0),
      cpuSeconds: this.#system.cpuSeconds(),
      clickhouseWork: await this.#clickhouseWork(),
    };
  }

  async #clickhouseWork(): Promise<Readonly<Record<string, number>>> {
    const rows = await this.#system.clickhouse.rows<{ event: string; value: string }>(
      'SELECT event, value FROM system.events WHERE event IN (SELECT arrayJoin({events:Array(String)}))',
      { events: CLICKHOUSE_EVENTS },
    );
    return Object.fromEntries(rows.map(({ event, value }) => [event, Number(value)]));
  }

  /** Every receipt once; every late one and every renewal attributed in the end; what was sent twice a repeat. */
  async #check(load: readonly BenchPostback[]): Promise<void> {
    const { clickhouse } = this.#system;
    const duplicates = load.filter(({ kind }) => kind === 'duplicate').length;
    const conversions = load.length - duplicates;
    const verdicts = await clickhouse.rows<{ verdict: string; n: string }>(
      `SELECT verdict, count() AS n FROM receipts FINAL WHERE receiptId != '${SPECIMEN_RECEIPT}' GROUP BY verdict`,
    );
    const counted = new Map(verdicts.map(({ verdict, n }) => [verdict, Number(n)]));
    const decided = (counted.get('counted') ?? 0) + (counted.get('parked') ?? 0);
    if (counted.get('duplicate_of') !== duplicates || decided !== conversions)
      throw new Error(
        `${conversions} conversions, ${duplicates} repeats: judged ${JSON.stringify([...counted])}`,
      );
    const matched = load.filter(({ kind }) => kind !== 'refund' && kind !== 'duplicate').length;
    // Of those attributed before, the past conversions are no rows of decisions.
    const attributed = `SELECT uniqExact(conversionId) AS n FROM decisions WHERE match = 'attributed' AND eventType != 'refund'
      AND startsWith(assumeNotNull(transactionId), 't-')`;
    await this.#until(attributed, matched, DRAIN_BOUND_MS);
  }

  async #until(sql: string, expected: number, boundMs: number): Promise<void> {
    const deadline = performance.now() + boundMs;
    for (;;) {
      const [row] = await this.#system.clickhouse.rows<{ n: string }>(sql);
      const n = Number(row?.n ?? 0);
      if (n >= expected) return;
      if (performance.now() > deadline) throw new Error(`${n} instead of ${expected}: ${sql}`);
      await delay(POLL_MS);
    }
  }

  /** What was inserted at once is merged as it would be in a store that grew over months. */
  async #merged(): Promise<void> {
    const deadline = performance.now() + MERGES_BOUND_MS;
    let quiet = 0;
    while (quiet < 4 && performance.now() < deadline) {
      await delay(POLL_MS);
      const [row] = await this.#system.clickhouse.rows<{ n: string }>(
        'SELECT count() AS n FROM system.merges',
      );
      quiet = Number(row?.n ?? 0) === 0 ? quiet + 1 : 0;
    }
  }
}

function perMillion<Name extends string>(
  before: Readonly<Record<Name, number>>,
  after: Readonly<Record<Name, number>>,
  count: number,
): Readonly<Record<Name, number>> {
  const names = Object.keys(after) as Name[];
  const grown = names.map((name) => [name, ((after[name] - (before[name] ?? 0)) / count) * 1e6]);
  return Object.fromEntries(grown) as Record<Name, number>;
}
