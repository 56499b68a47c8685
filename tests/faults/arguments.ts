/** What `npm run faults` was asked for. */
import { parseArgs } from 'node:util';

export const BUS_SCENARIOS = ['kills', 'broker', 'rebalance', 'registry'] as const;
export type BusScenario = (typeof BUS_SCENARIOS)[number];

const ROOMS = ['bus', 'ingestion', 'attribution', 'fan-out'] as const;

export interface FaultArguments {
  /** How often a consuming service is killed; the broker is killed a quarter as often. */
  readonly kills: number;
  readonly only: readonly BusScenario[];
  readonly seed: number;
}

export type ParsedArguments =
  | { readonly kind: 'run'; readonly options: FaultArguments }
  /** `text` is for the person who asked. */
  | { readonly kind: 'told'; readonly text: string; readonly exitCode: number };

export const USAGE = `npm run faults -- bus [options]

Runs the fault loops on a whole system of its own, prints the ledger of each and ends with "difference N".
Exit code 0 when every ledger balances, 1 when one does not, 2 for a question that cannot be answered.

  kills       SIGKILL of attribution and fan-out, each time with work in hand
  broker      SIGKILL of the embedded Kafka, a quarter as often, with requests in flight
  rebalance   three instances, a member joining or leaving every 2 s for 2 minutes, one stopped for 60 s
  registry    the schema registry refused for 60 s, 404 for 60 s, a column added, under load

  --kills N      how often a service is killed (200)
  --only A,B     only these scenarios
  --seed N       for the choice of victims and moments (1)
  --help         this text`;

export function parseFaultArguments(args: readonly string[]): ParsedArguments {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        kills: { type: 'string', default: '200' },
        only: { type: 'string', default: BUS_SCENARIOS.join(',') },
        seed: { type: 'string', default: '1' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return told(USAGE, 0);
    const [room, ...others] = positionals;
    if (room === undefined || others.length > 0) return told(USAGE, 2);
    if (!ROOMS.some((each) => each === room)) return told(`there is no room ${room}\n\n${USAGE}`, 2);
    if (room !== 'bus') return told(`${room}: not there yet`, 2);
    const only = values.only.split(',');
    const unknown = only.filter((name) => !BUS_SCENARIOS.some((each) => each === name));
    if (unknown.length > 0) return told(`--only: there is no scenario ${unknown.join(', ')}`, 2);
    const kills = Number(values.kills);
    const seed = Number(values.seed);
    if (!Number.isSafeInteger(kills) || kills < 1) return told('--kills must be a whole number from 1', 2);
    if (!Number.isSafeInteger(seed)) return told('--seed must be a whole number', 2);
    return {
      kind: 'run',
      options: { kills, seed, only: BUS_SCENARIOS.filter((name) => only.includes(name)) },
    };
  } catch (error) {
    return told(`${(error as Error).message}\n\n${USAGE}`, 2);
  }
}

function told(text: string, exitCode: number): ParsedArguments {
  return { kind: 'told', text, exitCode };
}
