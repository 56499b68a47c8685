/** `npm run oracle`: decides a generated log, computes the same conversions in SQL, and compares every one. */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { compareWithCore } from './core-mode.ts';
import { catchMutants } from './mutant-mode.ts';
import { compareWithService } from './service-mode.ts';

const DAY = 86_400_000;
/** A fixed day, so that a seed is the same log for ever. */
const LOG_STARTS_AT = Date.UTC(2026, 5, 3, 10);
/** The log lasts two months, and its short waits end within days; the long ones last a year. */
const SERVICE_LOG_BEGAN_DAYS_AGO = 90;

const USAGE = `npm run oracle -- [options]

Generates a log, decides it, computes the same conversions in SQL from the raw tables, and ends with "difference N".
Exit code 0 when nothing differs, 1 when something does, 2 for a question that cannot be answered.

  --postbacks N  how many postbacks are generated (50000; 20000 for mutants)
  --seed N       another seed is another log (1)
  --mode core    the core decides in memory
  --mode service the attribution service decides, over a Kafka and a ClickHouse of its own; its log is always the last
                 three months, since deadlines are the clock's
  --mode mutants the core is made wrong in one place after another, and the comparison has to catch each
  --help         this text`;

interface Options {
  readonly postbacks: number;
  readonly seed: number;
}

type Mode = (options: Options) => Promise<boolean>;

const MODES: Readonly<Record<string, { readonly postbacks: number; readonly run: Mode }>> = {
  core: {
    postbacks: 50_000,
    run: async (options) => (await compareWithCore({ ...options, startsAt: LOG_STARTS_AT }, report)) === 0,
  },
  service: {
    postbacks: 50_000,
    run: async (options) =>
      (await compareWithService({ ...options, startsAt: serviceLogStart() }, report)) === 0,
  },
  mutants: {
    postbacks: 20_000,
    run: (options) => catchMutants({ ...options, startsAt: LOG_STARTS_AT }, report),
  },
};

const begunAt = performance.now();
process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      postbacks: { type: 'string' },
      seed: { type: 'string', default: '1' },
      mode: { type: 'string', default: 'core' },
      help: { type: 'boolean', default: false },
    },
  });
  const mode = MODES[values.mode];
  const [postbacks, seed] = [Number(values.postbacks ?? mode?.postbacks), Number(values.seed)];
  const isSound = Number.isSafeInteger(postbacks) && postbacks > 0 && Number.isSafeInteger(seed);
  if (values.help || !isSound || mode === undefined) {
    console.log(USAGE);
    return values.help ? 0 : 2;
  }
  return (await mode.run({ postbacks, seed })) ? 0 : 1;
}

function serviceLogStart(): number {
  return (Math.floor(Date.now() / DAY) - SERVICE_LOG_BEGAN_DAYS_AGO) * DAY + 10 * 3_600_000;
}

function report(text: string): void {
  console.log(`${((performance.now() - begunAt) / 1_000).toFixed(1).padStart(7)} s  ${text}`);
}
