/** `npm run bench:attribution`: postbacks judged per second with millions of clicks and conversions stored, and how long a decision takes at an even pace. */
import { parseArgs } from 'node:util';
import { AttributionBench } from './attribution/attribution-bench.ts';
import { measureCeilings } from './attribution/attribution-ceilings.ts';
import { AttributionSystem } from './attribution/attribution-system.ts';
import { historyOf } from './attribution/bench-history.ts';
import { type BenchRow, printTable, writeResults } from './results.ts';

const USAGE = `npm run bench:attribution [-- options]

  --stored A,B   clicks, and as many past conversions and customers, such as 200k or 5m (5m,50m)
  --seconds N    of the measured load (60)
  --only A,B     only of these rows: decisions-5m, decisions-50m, latency-1000 …
  --profile DIR  a CPU profile of attribution under load, written there
  --help         this text`;

/** Postbacks sent for each measured second: more than attribution decides. */
const BACKLOG_PER_SECOND = 7_000;
/** The goal, after a pace that a machine of half the speed keeps up with: what comes faster than it is decided only waits. */
const PACES_PER_SECOND = [400, 1_000];

interface Options {
  readonly sizes: readonly string[];
  readonly seconds: number;
  readonly isWanted: (name: string) => boolean;
  readonly profileTo: string | null;
}

/** Rows that belong together, as soon as they are measured: what comes after them may take an hour. */
async function* rowsOfSize(
  size: string,
  isLast: boolean,
  options: Options,
): AsyncGenerator<readonly BenchRow[]> {
  const { seconds, isWanted, profileTo } = options;
  const name = `decisions-${size}`;
  const paces = isLast ? PACES_PER_SECOND.filter((pace) => isWanted(`latency-${pace}`)) : [];
  if (!isWanted(name) && paces.length === 0) return;
  const system = await AttributionSystem.start();
  try {
    const bench = new AttributionBench(system, historyOf(countOf(size), Date.now()));
    await bench.prepare();
    await system.stopAttribution();
    await system.startAttribution(profileTo);
    if (isWanted(name)) {
      const rows: BenchRow[] = [];
      const decided = await bench.throughput(BACKLOG_PER_SECOND * seconds, seconds * 1_000);
      const ceilings = await measureCeilings(system, bench.history, bench.sentSinceStart);
      rows.push(decisionsRow(name, decided.perSecond, ceilings.clickLookup));
      rows.push(figure(`${name}-revisions`, decided.revisionsPerSecond, 'revisions/s'));
      for (const [process, cpuSeconds] of Object.entries(decided.cpuSecondsPerMillion))
        rows.push(figure(`${name}-cpu-${process}`, cpuSeconds, 'CPU s per million'));
      for (const [event, count] of Object.entries(decided.clickhouseWork))
        rows.push(figure(`${name}-${event}`, count, 'per million'));
      rows.push(decisionsRow(`${name}-of-consume`, decided.perSecond, ceilings.consume));
      rows.push(decisionsRow(`${name}-of-sql-join`, decided.perSecond, ceilings.sqlJoin));
      yield rows;
    }
    for (const pace of paces) yield [await bench.latency(pace, seconds)];
  } finally {
    await system.stop();
  }
}

function decisionsRow(name: string, perSecond: number, ceiling: number): BenchRow {
  return { ...figure(name, perSecond, 'decisions/s'), ceiling, ratio: perSecond / ceiling };
}

function figure(name: string, value: number, unit: string): BenchRow {
  return { name, value, unit, p50Ms: null, p95Ms: null, p99Ms: null, ceiling: null, ratio: null };
}

function countOf(size: string): number {
  const [, count, unit] = /^(\d+)([km])$/.exec(size) ?? [];
  if (count === undefined) throw new Error(`${size} is no size such as 5m`);
  return Number(count) * (unit === 'm' ? 1_000_000 : 1_000);
}

async function run(options: Options): Promise<void> {
  const rows: BenchRow[] = [];
  for (const [index, size] of options.sizes.entries()) {
    for await (const found of rowsOfSize(size, index === options.sizes.length - 1, options)) {
      printTable(found);
      rows.push(...found);
    }
  }
  console.log(writeResults('attribution', rows));
}

const { values } = parseArgs({
  options: {
    stored: { type: 'string', default: '5m,50m' },
    seconds: { type: 'string', default: '60' },
    only: { type: 'string' },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(USAGE);
else {
  const only = values.only?.split(',');
  await run({
    sizes: values.stored.split(','),
    seconds: Number(values.seconds),
    isWanted: (name) => only === undefined || only.includes(name),
    profileTo: values.profile ?? null,
  });
}
