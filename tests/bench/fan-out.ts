/** `npm run bench:fan-out`: deliveries per second to fifty receivers, with and without one that never answers among them, events per second in batches, and how long a decision takes to its first attempt. */
import { parseArgs } from 'node:util';
import { BLACK_HOLE, WELL } from '../receivers/behaviour.ts';
import type { ConfiguredReceiver } from '../receivers/configured-receivers.ts';
import { FanOutBench, type Throughput } from './fan-out/fan-out-bench.ts';
import { FanOutSystem } from './fan-out/fan-out-system.ts';
import { type BenchRow, median, printTable, quantile, writeResults } from './results.ts';

const USAGE = `npm run bench:fan-out [-- options]

  --seconds N    of each measured load (20)
  --pairs N      interleaved pairs without and with a black hole and a 29-second receiver (5)
  --pace N       decisions a second where latency is measured (300: two cores keep that up)
  --ahead N      decisions that wait for fan-out meanwhile (6000)
  --only A,B     only of these rows: partner-postbacks, partner-postbacks-black-hole, capi-events,
                 first-attempt-latency
  --profile DIR  a CPU profile of fan-out over the whole run, written there
  --help         this text`;

const PARTNERS = 50;
const DATASETS = 10;
/** More than fan-out delivers in a second on two cores. */
const MOST_POSTBACKS_PER_SECOND = 8_000;
const MOST_EVENTS_PER_SECOND = 20_000;
const CEILING_MS = 5_000;
const SLOW_MS = 29_000;

interface Options {
  readonly seconds: number;
  readonly pairs: number;
  readonly pace: number;
  readonly ahead: number;
  readonly isWanted: (name: string) => boolean;
  readonly profileTo: string | null;
}

class FanOutRows {
  readonly #system: FanOutSystem;
  readonly #bench: FanOutBench;
  readonly #options: Options;
  readonly #partners: readonly ConfiguredReceiver[];
  readonly #datasets: readonly ConfiguredReceiver[];

  constructor(system: FanOutSystem, options: Options) {
    this.#system = system;
    this.#bench = new FanOutBench(system, options.ahead);
    this.#options = options;
    this.#partners = system.receivers.filter(({ kind }) => kind === 'partner-postback');
    this.#datasets = system.receivers.filter(({ kind }) => kind === 'meta');
  }

  /** Each as soon as it is measured: a run takes long, and may be broken off. */
  async *all(): AsyncGenerator<readonly BenchRow[]> {
    const { isWanted } = this.#options;
    if (isWanted('partner-postbacks'))
      yield this.#flatOut('partner-postbacks', this.#partners, MOST_POSTBACKS_PER_SECOND);
    if (isWanted('capi-events')) yield this.#flatOut('capi-events', this.#datasets, MOST_EVENTS_PER_SECOND);
    if (isWanted('first-attempt-latency')) yield [await this.#firstAttempt()];
    if (isWanted('partner-postbacks-black-hole')) yield this.#withBlackHole();
    console.log(`${this.#bench.asked} deliveries asked for, each taken by its receiver and on record`);
  }

  async #flatOut(
    name: string,
    receivers: readonly ConfiguredReceiver[],
    mostPerSecond: number,
  ): Promise<readonly BenchRow[]> {
    const result = await this.#throughput(receivers, mostPerSecond);
    return [
      await this.#besideCeiling(name, receivers, result),
      ...Object.entries(result.cpuSecondsPerMillion).map(([process, cpuSeconds]) =>
        figure(`${name}-cpu-${process}`, cpuSeconds, 'CPU s per million'),
      ),
      ...(result.deliveriesPerRequest > 1
        ? [figure(`${name}-per-request`, result.deliveriesPerRequest, 'events')]
        : []),
    ];
  }

  async #throughput(receivers: readonly ConfiguredReceiver[], mostPerSecond: number): Promise<Throughput> {
    const { seconds, ahead } = this.#options;
    const load = this.#bench.prepare(receivers, 3 * ahead + mostPerSecond * seconds);
    const result = await this.#bench.throughput(load, seconds * 1_000);
    await this.#bench.verify();
    return result;
  }

  async #besideCeiling(
    name: string,
    [first]: readonly ConfiguredReceiver[],
    { perSecond, requests }: Throughput,
  ): Promise<BenchRow> {
    const { deliveriesPerSecond: ceiling } = await this.#system.ceiling({
      requests,
      forMs: CEILING_MS,
      perSecond: null,
    });
    const unit = first?.kind === 'meta' ? 'events/s' : 'deliveries/s';
    return { ...figure(name, perSecond, unit), ceiling, ratio: perSecond / ceiling };
  }

  /** The ceiling is undici alone at the same pace, until its answer: p95. */
  async #firstAttempt(): Promise<BenchRow> {
    const { pace, seconds } = this.#options;
    const { requests } = await this.#throughput(this.#partners, MOST_POSTBACKS_PER_SECOND);
    const latenciesMs = await this.#bench.paced(this.#partners, pace, seconds);
    await this.#bench.verify();
    const alone = await this.#system.ceiling({ requests, forMs: CEILING_MS, perSecond: pace });
    const ceiling = quantile(alone.latenciesMs, 0.95);
    const row = latencyRow('first-attempt-latency', pace, latenciesMs);
    return { ...row, ceiling, ratio: (row.p95Ms ?? 0) / ceiling };
  }

  /** Of the others: p50, p95 and p99 are medians over the pairs; the ceiling is the p95 without, the ratio the median of each pair's. */
  async #withBlackHole(): Promise<readonly BenchRow[]> {
    const { pace, seconds, pairs } = this.#options;
    const [hole, slow, ...others] = this.#partners;
    if (hole === undefined || slow === undefined) throw new Error('no receivers');
    const bad = [hole, slow];
    const without: BenchRow[] = [];
    const withThem: BenchRow[] = [];
    for (let pair = 0; pair < pairs; pair += 1) {
      without.push(latencyRow('', pace, await this.#bench.paced(this.#partners, pace, seconds, others)));
      this.#bench.allowRepeats(bad);
      await this.#system.local.behave([hole.index], BLACK_HOLE);
      await this.#system.local.behave([slow.index], { ...WELL, answerAfterMs: SLOW_MS });
      withThem.push(latencyRow('', pace, await this.#bench.paced(this.#partners, pace, seconds, others)));
      await this.#system.local.behave([hole.index, slow.index], WELL);
      await this.#system.mend(bad);
      const [left, right] = [without.at(-1)?.p95Ms, withThem.at(-1)?.p95Ms];
      console.log(
        `pair ${pair + 1}: p95 of the others ${left?.toFixed(1)} ms without, ${right?.toFixed(1)} ms with`,
      );
    }
    await this.#bench.verify();
    const name = 'partner-postbacks-black-hole';
    const before = medianRow(`${name}-without`, without);
    const ratios = withThem.map(({ p95Ms }, index) => (p95Ms ?? 0) / (without[index]?.p95Ms ?? 0));
    return [before, { ...medianRow(name, withThem), ceiling: before.p95Ms, ratio: median(ratios) }];
  }
}

function latencyRow(name: string, pace: number, sorted: readonly number[]): BenchRow {
  return {
    ...figure(name, pace, 'decisions/s'),
    p50Ms: quantile(sorted, 0.5),
    p95Ms: quantile(sorted, 0.95),
    p99Ms: quantile(sorted, 0.99),
  };
}

function medianRow(name: string, rows: readonly BenchRow[]): BenchRow {
  const [first] = rows;
  if (first === undefined) throw new Error('no pairs');
  const of = (which: 'p50Ms' | 'p95Ms' | 'p99Ms') => median(rows.map((row) => row[which] ?? 0));
  return { ...first, name, p50Ms: of('p50Ms'), p95Ms: of('p95Ms'), p99Ms: of('p99Ms') };
}

function figure(name: string, value: number, unit: string): BenchRow {
  return { name, value, unit, p50Ms: null, p95Ms: null, p99Ms: null, ceiling: null, ratio: null };
}

async function run(options: Options): Promise<void> {
  const kinds = [
    ...Array.from({ length: PARTNERS }, () => 'partner-postback' as const),
    ...Array.from({ length: DATASETS }, () => 'meta' as const),
  ];
  const system = await FanOutSystem.start(kinds);
  try {
    await system.startFanOut(options.profileTo);
    const rows: BenchRow[] = [];
    for await (const found of new FanOutRows(system, options).all()) {
      printTable(found);
      rows.push(...found);
    }
    console.log(writeResults('fan-out', rows));
  } finally {
    await system.stop();
  }
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    pairs: { type: 'string', default: '5' },
    pace: { type: 'string', default: '300' },
    ahead: { type: 'string', default: '6000' },
    only: { type: 'string' },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(USAGE);
else {
  const only = values.only?.split(',');
  await run({
    seconds: Number(values.seconds),
    pairs: Number(values.pairs),
    pace: Number(values.pace),
    ahead: Number(values.ahead),
    isWanted: (name) => only === undefined || only.includes(name),
    profileTo: values.profile ?? null,
  });
}
