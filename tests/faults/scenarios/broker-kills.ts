/** SIGKILL of the broker again and again while senders wait for the acknowledgement of what they sent. */
import { setTimeout as delay } from 'node:timers/promises';
import type { FaultBed } from '../fault-bed.ts';
import { randomFrom } from '../random.ts';
import { repeatsIn, resultOf, type ScenarioResult, spreadOf } from '../totals.ts';
import type { Traffic } from '../traffic.ts';

export interface BrokerKillsOptions {
  readonly kills: number;
  readonly seed: number;
}

const KILLS_PER_ROUND = 10;
const WORKS_AGAIN_BOUND_MS = 120_000;
/** After everything works again the next kill comes within this time. */
const LONGEST_PEACE_MS = 1_500;

export async function brokerKills(
  bed: FaultBed,
  { kills, seed }: BrokerKillsOptions,
): Promise<ScenarioResult> {
  const random = randomFrom(seed);
  const inFlight: number[] = [];
  const backAfterMs: number[] = [];
  const ledgers = [];
  while (inFlight.length < kills) {
    const target = Math.min(kills, inFlight.length + KILLS_PER_ROUND);
    const ledger = await bed.round(async (traffic) => {
      while (inFlight.length < target) {
        await delay(random() * LONGEST_PEACE_MS);
        const strike = await kill(bed, traffic);
        inFlight.push(strike.inFlight);
        backAfterMs.push(strike.backAfterMs);
      }
    });
    bed.log(`${inFlight.length} of ${kills} brokers killed, difference ${ledger.difference}`);
    ledgers.push(ledger);
  }
  return resultOf(
    [
      `${inFlight.length} SIGKILLs of the broker, each with requests in flight`,
      `  requests not yet acknowledged at the kill: ${spreadOf(inFlight)}; with none: ${inFlight.filter((n) => n === 0).length}`,
      `  seconds until senders, attribution and fan-out worked again: ${spreadOf(backAfterMs.map((ms) => Math.round(ms / 100) / 10))}`,
      `  events repeated at receivers, under the same key: ${repeatsIn(ledgers)}`,
    ],
    ledgers,
  );
}

/** @returns how many requests were not acknowledged then, and how long it took until everything worked again. */
async function kill(
  bed: FaultBed,
  traffic: Traffic,
): Promise<{ readonly inFlight: number; readonly backAfterMs: number }> {
  const [attributionBefore, fanOutBefore] = await Promise.all([
    bed.attribution.committed(),
    bed.fanOut.committed(),
  ]);
  await traffic.reached(traffic.sent);
  const { sent, inFlight } = traffic;
  const killedAt = performance.now();
  const elapsed = (): number => Math.round(performance.now() - killedAt);
  await bed.system.crash('kafka');
  const upMs = elapsed();
  const [sendersMs, attributionMs, fanOutMs] = await Promise.all([
    traffic.reached(sent + 1).then(elapsed),
    bed.attribution.advances(attributionBefore, WORKS_AGAIN_BOUND_MS).then(elapsed),
    bed.fanOut.advances(fanOutBefore, WORKS_AGAIN_BOUND_MS).then(elapsed),
  ]);
  bed.log(
    `broker killed with ${inFlight} requests in flight, up again after ${upMs} ms; senders answered after ${sendersMs} ms, attribution works after ${attributionMs} ms, fan-out after ${fanOutMs} ms`,
  );
  return { inFlight, backAfterMs: elapsed() };
}
