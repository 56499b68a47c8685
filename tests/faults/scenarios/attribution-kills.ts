/** SIGKILL of attribution again and again, each time with postbacks in hand. */
import { setTimeout as delay } from 'node:timers/promises';
import type { AttributionBed } from '../attribution/attribution-bed.ts';
import { randomFrom } from '../random.ts';
import { resultOf, type ScenarioResult, spreadOf } from '../totals.ts';

export interface AttributionKillsOptions {
  readonly kills: number;
  readonly seed: number;
}

/** After so many kills the load pauses and the ledger is read. */
const KILLS_PER_ROUND = 25;
/** A killed member's partitions are dealt anew after 10 s; an instance that does not work after this is stuck. */
const WORKS_AGAIN_BOUND_MS = 120_000;
/** After it works again the next kill comes within this time, at any moment of its work. */
const LONGEST_PEACE_MS = 4_000;

export async function attributionKills(
  bed: AttributionBed,
  { kills, seed }: AttributionKillsOptions,
): Promise<ScenarioResult> {
  const random = randomFrom(seed);
  const inHand: number[] = [];
  const backAfterMs: number[] = [];
  let idle = 0;
  let ledger = null;
  while (inHand.length < kills) {
    const target = Math.min(kills, inHand.length + KILLS_PER_ROUND);
    ledger = await bed.round(async () => {
      while (inHand.length < target) {
        await delay(random() * LONGEST_PEACE_MS);
        const strike = await kill(bed);
        backAfterMs.push(strike.backAfterMs);
        if (strike.inHand > 0) inHand.push(strike.inHand);
        else idle += 1;
      }
    });
    bed.log(`${inHand.length} of ${kills} kills, difference ${ledger.difference}`);
    if (ledger.difference !== 0) break;
  }
  return resultOf(
    [
      `${inHand.length} SIGKILLs of attribution, each with postbacks in hand`,
      `  uncommitted postbacks at the kill: ${spreadOf(inHand)}`,
      `  kills that met nothing in hand, not counted and repeated: ${idle}`,
      `  seconds until the next commit: ${spreadOf(backAfterMs.map((ms) => Math.round(ms / 100) / 10))}`,
    ],
    ledger === null ? [] : [ledger],
  );
}

async function kill(bed: AttributionBed): Promise<{ readonly inHand: number; readonly backAfterMs: number }> {
  const ends = await bed.group.hasWork(WORKS_AGAIN_BOUND_MS);
  const killedAt = performance.now();
  for (const instance of bed.instances) instance.kill();
  // Asked after the kill, when nothing can be committed any more: what was below the end then was in hand.
  const inHand = await bed.group.uncommitted(ends);
  await bed.group.advances(await bed.group.committed(), WORKS_AGAIN_BOUND_MS);
  const backAfterMs = performance.now() - killedAt;
  bed.log(`attribution killed with ${inHand} in hand, works again after ${Math.round(backAfterMs)} ms`);
  return { inHand, backAfterMs };
}
