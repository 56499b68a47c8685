/** `npm run faults -- bus`: the fault loops at full length, their ledgers, and a last line `difference N`. */
import process from 'node:process';
import { type BusScenario, type FaultArguments, parseFaultArguments } from './arguments.ts';
import { FaultBed } from './fault-bed.ts';
import { brokerKills } from './scenarios/broker-kills.ts';
import { rebalances } from './scenarios/rebalances.ts';
import { registryOutage } from './scenarios/registry-outage.ts';
import { serviceKills } from './scenarios/service-kills.ts';
import type { ScenarioResult } from './totals.ts';

const PORT_OFFSET = 13_000;
const REBALANCE = { durationMs: 120_000, everyMs: 2_000, stoppedMs: 60_000 };
const REGISTRY = { phaseMs: 60_000, eventsPerSecond: 1_000 };

const startedAt = performance.now();

function log(message: string): void {
  console.log(`[${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(7)} s] ${message}`);
}

/** Runs one scenario on a system of its own, so that what one leaves behind is not the next one's fault. */
async function onBed(
  { seed }: FaultArguments,
  scenario: (bed: FaultBed) => Promise<ScenarioResult>,
): Promise<ScenarioResult> {
  const bed = await FaultBed.start({ portOffset: PORT_OFFSET, log, seed });
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

function scenarioOf(name: BusScenario, options: FaultArguments): Promise<ScenarioResult> {
  const { kills, seed } = options;
  switch (name) {
    case 'kills':
      return onBed(options, (bed) => serviceKills(bed, { kills }));
    case 'broker':
      return onBed(options, (bed) => brokerKills(bed, { kills: Math.ceil(kills / 4), seed }));
    case 'rebalance':
      return onBed(options, (bed) => rebalances(bed, REBALANCE));
    case 'registry':
      return registryOutage({ ...REGISTRY, log });
  }
}

/** A scenario that cannot go on (something is stuck, or did not start) has not shown that nothing is lost. */
async function attempted(name: BusScenario, options: FaultArguments): Promise<ScenarioResult> {
  try {
    return await scenarioOf(name, options);
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
for (const name of parsed.options.only) {
  log(`scenario ${name}`);
  const result = await attempted(name, parsed.options);
  console.log(`\n${name}\n${result.lines.join('\n')}\n`);
  results.push({ name, ...result });
}
for (const { name, difference } of results) console.log(`${name}: difference ${difference}`);
const difference = results.reduce((sum, each) => sum + Math.abs(each.difference), 0);
console.log(`difference ${difference}`);
process.exit(difference === 0 ? 0 : 1);
