/** What `npm run faults` was asked for. */
import { parseArgs } from 'node:util';

export const BUS_SCENARIOS = ['kills', 'broker', 'rebalance', 'registry'] as const;
export type BusScenario = (typeof BUS_SCENARIOS)[number];

export const INGESTION_SCENARIOS = ['outage', 'kills'] as const;
export type IngestionScenario = (typeof INGESTION_SCENARIOS)[number];

export const ATTRIBUTION_SCENARIOS = ['kills', 'clickhouse', 'rebalances', 'crash-points'] as const;
export type AttributionScenario = (typeof ATTRIBUTION_SCENARIOS)[number];

export const FAN_OUT_SCENARIOS = ['kills', 'dead-destinations', 'replay'] as const;
export type FanOutScenario = (typeof FAN_OUT_SCENARIOS)[number];

const ROOMS = ['bus', 'ingestion', 'attribution', 'fan-out'] as const;
const STANDARD_SECONDS = 120;
const STANDARD_KILLS = { bus: 200, ingestion: 100, attribution: 200, 'fan-out': 200 };
const STANDARD_WAITING = 500_000;
const STANDARD_MINUTES = 10;
const STANDARD_DELIVERIES = 1_000_000;

interface Repetition {
  /** How often a service is killed; the broker of `bus` and the ClickHouse of `attribution` a quarter as often. */
  readonly kills: number;
  readonly seed: number;
  /** How long members come and go. */
  readonly seconds: number;
}

/** How much the scenarios of fan-out have to deliver. */
export interface DeliveryCounts {
  /** For each dead destination. */
  readonly waiting: number;
  /** How long they wait, all of them. */
  readonly minutes: number;
  /** In the ledger before a replay. */
  readonly deliveries: number;
}

export type FaultArguments =
  | (Repetition & { readonly room: 'bus'; readonly only: readonly BusScenario[] })
  | (Repetition & { readonly room: 'ingestion'; readonly only: readonly IngestionScenario[] })
  | (Repetition & { readonly room: 'attribution'; readonly only: readonly AttributionScenario[] })
  | (Repetition & DeliveryCounts & { readonly room: 'fan-out'; readonly only: readonly FanOutScenario[] });

export type ParsedArguments =
  | { readonly kind: 'run'; readonly options: FaultArguments }
  /** `text` is for the person who asked. */
  | { readonly kind: 'told'; readonly text: string; readonly exitCode: number };

export const USAGE = `npm run faults -- bus|ingestion|attribution|fan-out|rebuild [options]

Runs the fault loops of a room on a system of its own, prints the ledger of each and ends with "difference N".
Exit code 0 when every ledger balances, 1 when one does not, 2 for a question that cannot be answered.

bus
  kills       SIGKILL of attribution and fan-out, each time with work in hand
  broker      SIGKILL of the embedded Kafka, a quarter as often, with requests in flight
  rebalance   three instances, a member joining or leaving every 2 s for 2 minutes, one stopped for 60 s
  registry    the schema registry refused for 60 s, 404 for 60 s, a column added, under load

ingestion
  outage      SIGKILL of the embedded Kafka, away for 60 s under 1,000 postbacks/s
  kills       SIGKILL of ingestion with requests in flight, every fifth time while it is spooling

attribution
  kills         SIGKILL of attribution, each time with postbacks in hand
  clickhouse    SIGKILL of ClickHouse, a quarter as often, with records it has not stored
  rebalances    three instances, a member joining or leaving every 2 s
  crash-points  a crash at each point between load, decision, send, acknowledgement and commit

fan-out
  kills              SIGKILL of fan-out, each time with requests under way, while receivers fail now and then
  dead-destinations  two destinations away while deliveries for them pile up, and their recovery
  replay             everything delivered is read again by a fresh process, twice

rebuild
  a table made anew from its topic, struck at every step; takes no options

  --kills N      how often a service is killed (200; ingestion 100)
  --seconds N    how long members of attribution come and go (120)
  --waiting N    deliveries that wait for each dead destination of fan-out (500000)
  --minutes N    how long all of them wait (10)
  --deliveries N in the ledger before fan-out reads everything again (1000000)
  --only A,B     only these scenarios
  --seed N       for the choice of victims and moments (1)
  --help         this text`;

export function parseFaultArguments(args: readonly string[]): ParsedArguments {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        kills: { type: 'string' },
        only: { type: 'string' },
        seed: { type: 'string', default: '1' },
        waiting: { type: 'string', default: String(STANDARD_WAITING) },
        minutes: { type: 'string', default: String(STANDARD_MINUTES) },
        deliveries: { type: 'string', default: String(STANDARD_DELIVERIES) },
        seconds: { type: 'string', default: String(STANDARD_SECONDS) },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return told(USAGE, 0);
    const [room, ...others] = positionals;
    if (room === undefined || others.length > 0) return told(USAGE, 2);
    if (!isRoom(room)) return told(`there is no room ${room}\n\n${USAGE}`, 2);
    const kills = Number(values.kills ?? STANDARD_KILLS[room]);
    const seed = Number(values.seed);
    const seconds = Number(values.seconds);
    const waiting = Number(values.waiting);
    const minutes = Number(values.minutes);
    const deliveries = Number(values.deliveries);
    if (!Number.isSafeInteger(seed)) return told('--seed must be a whole number', 2);
    for (const [name, count] of Object.entries({ kills, seconds, waiting, minutes, deliveries }))
      if (!Number.isSafeInteger(count) || count < 1)
        return told(`--${name} must be a whole number from 1`, 2);
    if (room === 'bus')
      return runOf(values.only, BUS_SCENARIOS, (only) => ({ room, kills, seed, seconds, only }));
    if (room === 'ingestion')
      return runOf(values.only, INGESTION_SCENARIOS, (only) => ({ room, kills, seed, seconds, only }));
    if (room === 'attribution')
      return runOf(values.only, ATTRIBUTION_SCENARIOS, (only) => ({ room, kills, seed, seconds, only }));
    const counts = { waiting, minutes, deliveries };
    return runOf(values.only, FAN_OUT_SCENARIOS, (only) => ({ room, kills, seed, seconds, ...counts, only }));
  } catch (error) {
    return told(`${(error as Error).message}\n\n${USAGE}`, 2);
  }
}

function isRoom(name: string): name is FaultArguments['room'] {
  return ROOMS.some((each) => each === name);
}

/** The scenarios asked for, in their own order; all when none are named. */
function runOf<Name extends string>(
  asked: string | undefined,
  scenarios: readonly Name[],
  optionsOf: (only: readonly Name[]) => FaultArguments,
): ParsedArguments {
  const names = asked?.split(',') ?? scenarios;
  const unknown = names.filter((name) => !scenarios.some((each) => each === name));
  if (unknown.length > 0) return told(`--only: there is no scenario ${unknown.join(', ')}`, 2);
  return { kind: 'run', options: optionsOf(scenarios.filter((name) => names.includes(name))) };
}

function told(text: string, exitCode: number): ParsedArguments {
  return { kind: 'told', text, exitCode };
}
