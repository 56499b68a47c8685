/** SIGKILL of a consuming service again and again, attribution and fan-out side by side, each time with work in hand. */
import type { SupervisedService } from '../../../apps/launcher/src/system/supervised-service.ts';
import type { FaultBed } from '../fault-bed.ts';
import type { GroupProgress } from '../group-progress.ts';
import { repeatsIn, resultOf, type ScenarioResult, spreadOf } from '../totals.ts';

export interface ServiceKillsOptions {
  readonly kills: number;
}

/** After so many kills the traffic pauses and the ledger is read. */
const KILLS_PER_ROUND = 20;
/** A killed member's partitions are dealt anew after 10 s; a service that does not work after this is stuck. */
const WORKS_AGAIN_BOUND_MS = 120_000;

interface Strikes {
  /** Uncommitted records at each kill that counts. */
  readonly inHand: number[];
  /** From the kill to the next commit. */
  readonly backAfterMs: number[];
  /** Kills that met nothing in hand; they do not count and are repeated. */
  idle: number;
}

/** How many kills the lanes of a round still have to do. */
interface Budget {
  left: number;
}

export async function serviceKills(bed: FaultBed, { kills }: ServiceKillsOptions): Promise<ScenarioResult> {
  const strikes: Strikes = { inHand: [], backAfterMs: [], idle: 0 };
  const ledgers = [];
  while (strikes.inHand.length < kills) {
    const budget: Budget = { left: Math.min(KILLS_PER_ROUND, kills - strikes.inHand.length) };
    const ledger = await bed.round(async () => {
      await Promise.all([
        lane(bed, bed.system.service('attribution'), bed.attribution, budget, strikes),
        lane(bed, bed.system.service('fan-out'), bed.fanOut, budget, strikes),
      ]);
    });
    bed.log(`${strikes.inHand.length} of ${kills} services killed, difference ${ledger.difference}`);
    ledgers.push(ledger);
  }
  return resultOf(
    [
      `${strikes.inHand.length} SIGKILLs of attribution and fan-out, each with work in hand`,
      `  uncommitted records at the kill: ${spreadOf(strikes.inHand)}`,
      `  kills that met nothing in hand, not counted and repeated: ${strikes.idle}`,
      `  seconds until the next commit: ${spreadOf(strikes.backAfterMs.map((ms) => Math.round(ms / 100) / 10))}`,
      `  events repeated at receivers, under the same key: ${repeatsIn(ledgers)}`,
    ],
    ledgers,
  );
}

async function lane(
  bed: FaultBed,
  service: SupervisedService,
  group: GroupProgress,
  budget: Budget,
  strikes: Strikes,
): Promise<void> {
  for (; budget.left > 0; ) {
    budget.left -= 1;
    const ends = await group.hasWork(WORKS_AGAIN_BOUND_MS);
    const killedAt = performance.now();
    service.kill();
    // Asked after the kill, when nothing can be committed any more: what was below the end then was in hand.
    const inHand = await group.uncommitted(ends);
    if (inHand > 0) strikes.inHand.push(inHand);
    else {
      strikes.idle += 1;
      budget.left += 1;
    }
    await group.advances(await group.committed(), WORKS_AGAIN_BOUND_MS);
    const backAfterMs = performance.now() - killedAt;
    strikes.backAfterMs.push(backAfterMs);
    bed.log(
      `${service.name}: killed with ${inHand} in hand, works again after ${Math.round(backAfterMs)} ms`,
    );
  }
}
