/** `npm run bench:pipeline`: the highest rate at which everything, from the edge to twenty destinations, keeps up. */
import { parseArgs } from 'node:util';
import { PipelineBench } from './pipeline/pipeline-bench.ts';
import { PipelineSystem } from './pipeline/pipeline-system.ts';
import { type BenchRow, printTable, writeResults } from './results.ts';

const USAGE = `npm run bench:pipeline [-- options]

  --minutes N    for which every lag must stay flat (5)
  --from N       the first rate that is tried, conversions a second (150)
  --help         this text

A conversion is a click, a postback that names a click of before, and two deliveries to twenty destinations.`;

const PEAK_S = 10;

function figure(name: string, value: number, unit: string): BenchRow {
  return { name, value, unit, p50Ms: null, p95Ms: null, p99Ms: null, ceiling: null, ratio: null };
}

async function run(minutes: number, from: number): Promise<void> {
  const system = await PipelineSystem.start();
  try {
    const bench = new PipelineBench(system);
    const { perSecond, cpuSecondsPerMillion, lags } = await bench.highest(from, minutes * 60);
    console.log(`lags at the end: ${JSON.stringify(lags)}`);
    const peak = await bench.intakePeak(PEAK_S);
    console.log(`${await bench.verify()} deliveries taken by the receivers and on record`);
    const rows = [
      { ...figure('pipeline', perSecond, 'conversions/s'), ceiling: peak, ratio: perSecond / peak },
      figure('pipeline-intake-peak', peak, 'postbacks/s'),
      ...Object.entries(cpuSecondsPerMillion).map(([name, seconds]) =>
        figure(`pipeline-cpu-${name}`, seconds, 'CPU s per million'),
      ),
    ];
    printTable(rows);
    console.log(writeResults('pipeline', rows));
  } finally {
    await system.stop();
  }
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    from: { type: 'string', default: '150' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(USAGE);
else await run(Number(values.minutes), Number(values.from));
