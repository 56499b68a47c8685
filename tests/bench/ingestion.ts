/** `npm run bench:ingestion`: what one ingestion process takes, beside a bare server that does the least there is to do. */
import { isDeepStrictEqual, parseArgs } from 'node:util';
import type { TopicName } from '@tributary/contracts';
import { eventually } from '@tributary/testing';
import { eventsOf } from '../topic-events.ts';
import { BenchSystem, type Server } from './bench-system.ts';
import type { RequestKind } from './load/generator.child.ts';
import type { LoadResult } from './load/generator.ts';
import { load } from './load/load-process.ts';
import { expectedPostback, ROWS_PER_BATCH, rowsOfBatch } from './load/requests.ts';
import { type BenchRow, median, printTable, quantile, writeResults } from './results.ts';

const USAGE = `npm run bench:ingestion [-- options]

  --pairs N      interleaved pairs of ceiling and ours (5)
  --seconds N    of each load (6)
  --soak N       seconds at half the top rate, of which memory is read (300)
  --only A,B     only the cases of these names
  --profile DIR  a CPU profile of ingestion over the whole run, written there
  --help         this text`;

/** One thing that is measured; its ceiling is the bare server with as many connections. */
interface Case {
  readonly name: string;
  readonly kind: RequestKind;
  readonly connections: number;
  /** Facts in one request. */
  readonly facts: number;
  readonly unit: string;
}

const CASES: readonly Case[] = [
  { name: 'postback-get-64', kind: 'postback', connections: 64, facts: 1, unit: 'requests/s' },
  { name: 'postback-get-256', kind: 'postback', connections: 256, facts: 1, unit: 'requests/s' },
  { name: 'postback-hmac-256', kind: 'signed', connections: 256, facts: 1, unit: 'requests/s' },
  { name: 'batch-rows', kind: 'batch', connections: 8, facts: ROWS_PER_BATCH, unit: 'rows/s' },
  { name: 'click-redirect-256', kind: 'click', connections: 256, facts: 1, unit: 'requests/s' },
];
/** More than any server here answers in a second on two cores. */
const MOST_PER_SECOND = 25_000;
const MOST_BATCHES_PER_SECOND = 150;
const DRAIN_BOUND_MS = 60_000;
const WARM_UP_MS = 3_000;

interface Measured {
  readonly perSecond: number;
  readonly latenciesMs: readonly number[];
  readonly cpuSecondsPerMillion: number;
}

interface Options {
  readonly cases: readonly Case[];
  readonly pairs: number;
  readonly loadMs: number;
  readonly soakMs: number;
  readonly profileTo: string | null;
}

class IngestionBench {
  readonly #system: BenchSystem;
  readonly #ours: Server;
  readonly #ceiling: Server;
  readonly #loadMs: number;
  #loads = 0;

  constructor(system: BenchSystem, ours: Server, ceiling: Server, loadMs: number) {
    this.#system = system;
    this.#ours = ours;
    this.#ceiling = ceiling;
    this.#loadMs = loadMs;
  }

  async warmUp(cases: readonly Case[]): Promise<void> {
    await this.#load(this.#ceiling, 'ceiling', 64, WARM_UP_MS);
    for (const { kind, connections } of cases) await this.#load(this.#ours, kind, connections, WARM_UP_MS);
  }

  /** The median of interleaved pairs, so that what else the machine does meets both. */
  async measure({ name, kind, connections, facts, unit }: Case, pairs: number): Promise<readonly BenchRow[]> {
    const ceilings: Measured[] = [];
    const ours: Measured[] = [];
    for (let pair = 0; pair < pairs; pair++) {
      ceilings.push(await this.#measured(this.#ceiling, 'ceiling', connections === 8 ? 256 : connections, 1));
      ours.push(await this.#measured(this.#ours, kind, connections, facts));
    }
    const ratio = median(ours.map(({ perSecond }, pair) => perSecond / (ceilings[pair]?.perSecond ?? 1)));
    const ceiling = median(ceilings.map(({ perSecond }) => perSecond));
    const cpu = median(ours.map(({ cpuSecondsPerMillion }) => cpuSecondsPerMillion));
    return [
      { ...rowOf(name, unit, ours), ceiling, ratio },
      {
        ...figure(`${name}-cpu`, cpu, 'CPU s per million'),
        ceiling: median(ceilings.map((each) => each.cpuSecondsPerMillion)),
      },
    ];
  }

  /**
   * Latencies at an even pace, a late send counted from when it was due; beside them those of the ceiling at the same pace,
   * as what both wait for is the machine.
   */
  async paced(name: string, kind: RequestKind, perSecond: number): Promise<readonly BenchRow[]> {
    return [
      await this.#pacedRow(`${name}-half-ceiling`, this.#ceiling, 'ceiling', perSecond),
      await this.#pacedRow(`${name}-half`, this.#ours, kind, perSecond),
    ];
  }

  async #pacedRow(name: string, server: Server, kind: RequestKind, perSecond: number): Promise<BenchRow> {
    const result = await this.#load(server, kind, 256, this.#loadMs * 2, perSecond);
    return rowOf(name, 'requests/s', [
      {
        perSecond: (result.accepted.length / result.elapsedMs) * 1_000,
        latenciesMs: result.latenciesMs,
        cpuSecondsPerMillion: 0,
      },
    ]);
  }

  /** Memory of the server under half its top rate, early and late. */
  async soak(perSecond: number, soakMs: number): Promise<readonly BenchRow[]> {
    const samples: { readonly atMs: number; readonly bytes: number }[] = [];
    const startedAt = performance.now();
    const timer = setInterval(
      () => samples.push({ atMs: performance.now() - startedAt, bytes: this.#ours.memory() }),
      1_000,
    );
    const endsAt = startedAt + soakMs;
    // In parts, since every request is prepared beforehand.
    while (performance.now() < endsAt)
      await this.#load(this.#ours, 'postback', 256, Math.min(20_000, endsAt - performance.now()), perSecond);
    clearInterval(timer);
    const within = (from: number, to: number) =>
      median(
        samples.filter(({ atMs }) => atMs >= from * soakMs && atMs < to * soakMs).map(({ bytes }) => bytes),
      );
    const early = within(0.3, 0.4);
    const late = within(0.9, 1);
    return [
      figure('memory-minute-2', early / 2 ** 20, 'MiB'),
      { ...figure('memory-minute-5', late / 2 ** 20, 'MiB'), ceiling: early / 2 ** 20, ratio: late / early },
    ];
  }

  async #measured(server: Server, kind: RequestKind, connections: number, facts: number): Promise<Measured> {
    let cpuBefore = 0;
    const result = await this.#load(server, kind, connections, this.#loadMs, null, () => {
      cpuBefore = server.cpuSeconds();
    });
    const accepted = result.accepted.length * facts;
    return {
      perSecond: (accepted / result.elapsedMs) * 1_000,
      latenciesMs: result.latenciesMs,
      cpuSecondsPerMillion: ((server.cpuSeconds() - cpuBefore) / accepted) * 1e6,
    };
  }

  async #load(
    server: Server,
    kind: RequestKind,
    connections: number,
    durationMs: number,
    perSecond: number | null = null,
    onStart: () => void = () => undefined,
  ): Promise<LoadResult> {
    const run = `${kind}-${this.#loads++}`;
    const rate = perSecond ?? (kind === 'batch' ? MOST_BATCHES_PER_SECOND : MOST_PER_SECOND);
    const prepared = Math.ceil((rate * durationMs) / 1_000);
    const topic = kind === 'click' ? 'click.recorded.v1' : 'postback.received.v1';
    const before = await this.#system.connection.endOffsets(topic);
    const result = await load(
      { kind, run, port: server.port, connections, prepared, durationMs, perSecond },
      onStart,
    );
    const refused = result.sent - result.accepted.length;
    if (refused > 0) throw new Error(`${run}: ${JSON.stringify(result.statuses)}`);
    if (kind !== 'ceiling') await this.#check(kind, run, result, before);
    return result;
  }

  /** What was accepted stands in the topic, decoded, equal to what was sent, and nothing else does. */
  async #check(
    kind: RequestKind,
    run: string,
    { accepted }: LoadResult,
    before: ReadonlyMap<number, number>,
  ): Promise<void> {
    const { connection } = this.#system;
    const facts = kind === 'batch' ? accepted.flatMap(rowsOfBatch) : accepted;
    await this.#written(
      kind === 'click' ? 'click.recorded.v1' : 'postback.received.v1',
      facts.length,
      before,
    );
    if (kind === 'click') {
      const clicks = await eventsOf(connection, 'click.recorded.v1', before);
      const recorded = new Set(clicks.map(({ partnerClickId }) => partnerClickId));
      const missing = accepted.filter((index) => !recorded.has(`${run}-${index}`)).length;
      if (missing > 0 || clicks.length !== accepted.length)
        throw new Error(
          `${run}: ${missing} of ${accepted.length} clicks are missing, ${clicks.length} recorded`,
        );
      return;
    }
    const postbacks = await eventsOf(connection, 'postback.received.v1', before);
    const byTransaction = new Map(postbacks.map((postback) => [postback.transactionId, postback]));
    const wrong = facts.filter((index) => {
      const expected = expectedPostback(run, index);
      const found: Readonly<Record<string, unknown>> = { ...byTransaction.get(`${run}-${index}`) };
      return Object.entries(expected).some(([name, value]) => !isDeepStrictEqual(found[name], value));
    });
    if (wrong.length > 0 || postbacks.length !== facts.length)
      throw new Error(
        `${run}: ${wrong.length} of ${facts.length} are missing or differ, ${postbacks.length} written`,
      );
  }

  /** What was accepted while Kafka stood still is in the spool, and follows. */
  async #written(topic: TopicName, facts: number, before: ReadonlyMap<number, number>): Promise<void> {
    const due = sumOf(before) + facts;
    const end = async () => sumOf(await this.#system.connection.endOffsets(topic));
    await eventually(end, (written) => written >= due, DRAIN_BOUND_MS);
  }
}

function sumOf(offsets: ReadonlyMap<number, number>): number {
  return [...offsets.values()].reduce((sum, offset) => sum + offset, 0);
}

function rowOf(name: string, unit: string, runs: readonly Measured[]): BenchRow {
  const at = (share: number) => median(runs.map(({ latenciesMs }) => quantile(latenciesMs, share)));
  return {
    ...figure(name, median(runs.map(({ perSecond }) => perSecond)), unit),
    p50Ms: at(0.5),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
  };
}

function figure(name: string, value: number, unit: string): BenchRow {
  return { name, value, unit, p50Ms: null, p95Ms: null, p99Ms: null, ceiling: null, ratio: null };
}

async function run({ cases, pairs, loadMs, soakMs, profileTo }: Options): Promise<void> {
  const system = await BenchSystem.start();
  try {
    const bench = new IngestionBench(
      system,
      await system.startIngestion(profileTo),
      await system.startCeiling(),
      loadMs,
    );
    await bench.warmUp(cases);
    const rows: BenchRow[] = [];
    const measured = (name: string) => rows.find((row) => row.name === name)?.value ?? 0;
    for (const each of cases) {
      rows.push(...(await bench.measure(each, pairs)));
      console.log(`${each.name}: measured`);
    }
    const redirects = measured('click-redirect-256');
    const postbacks = measured('postback-get-256');
    const batchRows = measured('batch-rows');
    if (redirects > 0) rows.push(...(await bench.paced('click-redirect-256', 'click', redirects / 2)));
    if (postbacks > 0) rows.push(...(await bench.paced('postback-get-256', 'postback', postbacks / 2)));
    if (postbacks > 0 && batchRows > 0)
      rows.push(figure('batch-rows-per-postback', batchRows / postbacks, 'times'));
    if (postbacks > 0 && soakMs > 0) rows.push(...(await bench.soak(postbacks / 2, soakMs)));
    printTable(rows);
    console.log(writeResults('ingestion', rows));
  } finally {
    await system.stop();
  }
}

const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '6' },
    soak: { type: 'string', default: '300' },
    only: { type: 'string' },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(USAGE);
else {
  const only = values.only?.split(',');
  await run({
    cases: CASES.filter(({ name }) => only === undefined || only.includes(name)),
    pairs: Number(values.pairs),
    loadMs: Number(values.seconds) * 1_000,
    soakMs: Number(values.soak) * 1_000,
    profileTo: values.profile ?? null,
  });
}
