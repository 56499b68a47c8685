/** `npm run faults -- <room>`: the fault loops at full length, their ledgers, and a last line `difference N`. */
import process from 'node:process';
import {
  type AttributionScenario,
  type BusScenario,
  type FanOutScenario,
  type FaultArguments,
  type IngestionScenario,
  parseFaultArguments,
} from './arguments.ts';
import { AttributionBed } from './attribution/attribution-bed.ts';
import { FanOutBed, type FanOutBedOptions } from './fan-out/fan-out-bed.ts';
import { FaultBed } from './fault-bed.ts';
import { IngestionBed } from './ingestion-bed.ts';
import { attributionKills } from './scenarios/attribution-kills.ts';
import { attributionRebalances } from './scenarios/attribution-rebalances.ts';
import { brokerKills } from './scenarios/broker-kills.ts';
import { clickhouseKills } from './scenarios/clickhouse-kills.ts';
import { crashPoints } from './scenarios/crash-points.ts';
import { DEAD_RECEIVERS, deadDestinations } from './scenarios/dead-destinations.ts';
import { fanOutKills, KILLS_RECEIVERS } from './scenarios/fan-out-kills.ts';
import { fanOutReplay, REPLAY_RECEIVERS } from './scenarios/fan-out-replay.ts';
import { ingestionKills } from './scenarios/ingestion-kills.ts';
import { rebalances } from './scenarios/rebalances.ts';
import { registryOutage } from './scenarios/registry-outage.ts';
import { serviceKills } from './scenarios/service-kills.ts';
import { spoolOutage } from './scenarios/spool-outage.ts';
import type { ScenarioResult } from './totals.ts';

const REBALANCE = { durationMs: 120_000, everyMs: 2_000, stoppedMs: 60_000 };
const REGISTRY = { phaseMs: 60_000, eventsPerSecond: 1_000 };
const OUTAGE = { outageMs: 60_000, postbacksPerSecond: 1_000, redirectsPerSecond: 50, p99BoundMs: 250 };
const STORIES = { storiesPerSecond: 20, partners: 200 };
/** What fan-out works off between two kills: its partitions are its own again after 10 s only. */
const FAN_OUT_PER_SECOND = 20;
/** Short enough for a black hole to be found out soon, long enough for a busy machine. */
const DELIVERY_TIMEOUT_MS = 5_000;
/** Slower than fan-out sets deliveries aside, so that the others never queue behind them. */
const DEAD = {
  fillPerSecond: 2_000,
  healthyPerSecond: 100,
  baselineMs: 60_000,
  recoveryBoundMs: 7_200_000,
  p95SlackMs: 50,
};
const KILLS_PACE = { postbacksPerSecond: 300, redirectsPerSecond: 30 };

const startedAt = performance.now();

function log(message: string): void {
  console.log(`[${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(7)} s] ${message}`);
}

/** Runs one scenario on a system of its own, so that what one leaves behind is not the next one's fault. */
async function onBed<Bed extends { stop(): Promise<void> }>(
  starting: Promise<Bed>,
  scenario: (bed: Bed) => Promise<ScenarioResult>,
): Promise<ScenarioResult> {
  const bed = await starting;
  const stop = () => {
    void bed.stop().finally(() => process.exit(130));
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    return await scenario(bed);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    await bed.stop();
  }
}

function busScenario(name: BusScenario, { kills, seed }: FaultArguments): Promise<ScenarioResult> {
  const bed = () => FaultBed.start({ log, seed });
  switch (name) {
    case 'kills':
      return onBed(bed(), (on) => serviceKills(on, { kills }));
    case 'broker':
      return onBed(bed(), (on) => brokerKills(on, { kills: Math.ceil(kills / 4), seed }));
    case 'rebalance':
      return onBed(bed(), (on) => rebalances(on, REBALANCE));
    case 'registry':
      return registryOutage({ ...REGISTRY, log });
  }
}

function ingestionScenario(
  name: IngestionScenario,
  { kills, seed }: FaultArguments,
): Promise<ScenarioResult> {
  const bed = IngestionBed.start({ log });
  switch (name) {
    case 'outage':
      return onBed(bed, (on) => spoolOutage(on, OUTAGE));
    case 'kills':
      return onBed(bed, (on) => ingestionKills(on, { ...KILLS_PACE, kills, seed }));
  }
}

function attributionScenario(
  name: AttributionScenario,
  { kills, seed, seconds }: FaultArguments,
): Promise<ScenarioResult> {
  const bed = AttributionBed.start({ ...STORIES, log, seed });
  switch (name) {
    case 'kills':
      return onBed(bed, (on) => attributionKills(on, { kills, seed }));
    case 'clickhouse':
      return onBed(bed, (on) => clickhouseKills(on, { kills: Math.ceil(kills / 4), seed }));
    case 'rebalances':
      return onBed(bed, (on) => attributionRebalances(on, { durationMs: seconds * 1_000, everyMs: 2_000 }));
    case 'crash-points':
      return onBed(bed, (on) => crashPoints(on));
  }
}

function fanOutScenario(
  name: FanOutScenario,
  { kills, seed, waiting, minutes, deliveries }: Extract<FaultArguments, { room: 'fan-out' }>,
): Promise<ScenarioResult> {
  const bed = (receivers: FanOutBedOptions['receivers']) =>
    FanOutBed.start({
      receivers,
      log,
      seed,
      deliveryTimeoutMs: DELIVERY_TIMEOUT_MS,
    });
  switch (name) {
    case 'kills':
      return onBed(bed(KILLS_RECEIVERS), (on) =>
        fanOutKills(on, { kills, seed, perSecond: FAN_OUT_PER_SECOND }),
      );
    case 'dead-destinations':
      return onBed(bed(DEAD_RECEIVERS), (on) =>
        deadDestinations(on, { ...DEAD, waiting, holdMs: minutes * 60_000 }),
      );
    case 'replay':
      return onBed(bed(REPLAY_RECEIVERS), (on) => fanOutReplay(on, { deliveries }));
  }
}

/** Every scenario that was asked for, not begun yet. */
function scenariosOf(
  options: FaultArguments,
): readonly { readonly name: string; run(): Promise<ScenarioResult> }[] {
  switch (options.room) {
    case 'bus':
      return options.only.map((name) => ({ name, run: () => busScenario(name, options) }));
    case 'ingestion':
      return options.only.map((name) => ({ name, run: () => ingestionScenario(name, options) }));
    case 'attribution':
      return options.only.map((name) => ({ name, run: () => attributionScenario(name, options) }));
    case 'fan-out':
      return options.only.map((name) => ({ name, run: () => fanOutScenario(name, options) }));
  }
}

/** A scenario that cannot go on (something is stuck, or did not start) has not shown that nothing is lost. */
async function attempted(name: string, run: () => Promise<ScenarioResult>): Promise<ScenarioResult> {
  try {
    return await run();
  } catch (error) {
    log(`${name} broke off: ${(error as Error).stack ?? error}`);
    return { lines: [`broke off: ${(error as Error).message}`], difference: 1 };
  }
}

const parsed = parseFaultArguments(process.argv.slice(2));
if (parsed.kind === 'told') {
  console.log(parsed.text);
  process.exit(parsed.exitCode);
}
const results = [];
for (const { name, run } of scenariosOf(parsed.options)) {
  log(`scenario ${name}`);
  const result = await attempted(name, run);
  console.log(`\n${name}\n${result.lines.join('\n')}\n`);
  results.push({ name, ...result });
}
for (const { name, difference } of results) console.log(`${name}: difference ${difference}`);
const difference = results.reduce((sum, each) => sum + Math.abs(each.difference), 0);
console.log(`difference ${difference}`);
process.exit(difference === 0 ? 0 : 1);
