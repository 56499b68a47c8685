/** SIGKILL of ClickHouse again and again while it stores what attribution reads, and attribution decides by it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { AttributionBed } from '../attribution/attribution-bed.ts';
import { randomFrom } from '../random.ts';
import { resultOf, type ScenarioResult, spreadOf } from '../totals.ts';

export interface ClickhouseKillsOptions {
  readonly kills: number;
  readonly seed: number;
}

const KILLS_PER_ROUND = 25;
const WORKS_AGAIN_BOUND_MS = 120_000;
/** After everything works again the next kill comes within this time. */
const LONGEST_PEACE_MS = 1_500;

export async function clickhouseKills(
  bed: AttributionBed,
  { kills, seed }: ClickhouseKillsOptions,
): Promise<ScenarioResult> {
  const random = randomFrom(seed);
  const unstored: number[] = [];
  const undecided: number[] = [];
  let idle = 0;
  let ledger = null;
  while (unstored.length < kills) {
    const target = Math.min(kills, unstored.length + KILLS_PER_ROUND);
    ledger = await bed.round(async () => {
      while (unstored.length < target) {
        await delay(random() * LONGEST_PEACE_MS);
        const strike = await kill(bed);
        if (strike.unstored === 0) idle += 1;
        else {
          unstored.push(strike.unstored);
          undecided.push(strike.undecided);
        }
      }
    });
    bed.log(`${unstored.length} of ${kills} kills of ClickHouse, difference ${ledger.difference}`);
    if (ledger.difference !== 0) break;
  }
  return resultOf(
    [
      `${unstored.length} SIGKILLs of ClickHouse, each with records in the log that it had not stored`,
      `  records not stored at the kill: ${spreadOf(unstored)}`,
      `  postbacks that attribution had in hand then: ${spreadOf(undecided)}`,
      `  kills that met nothing in flight, not counted and repeated: ${idle}`,
    ],
    ledger === null ? [] : [ledger],
  );
}

async function kill(bed: AttributionBed): Promise<{ readonly unstored: number; readonly undecided: number }> {
  await bed.group.hasWork(WORKS_AGAIN_BOUND_MS);
  const ends = await Promise.all([bed.group, ...bed.stored].map((progress) => progress.ends()));
  const crashed = bed.system.crash('clickhouse');
  const [undecided = 0, ...unread] = await Promise.all(
    [bed.group, ...bed.stored].map((progress, index) => progress.uncommitted(ends[index] ?? new Map())),
  );
  const unstored = unread.reduce((sum, count) => sum + count, 0);
  await crashed;
  const waited = [bed.group, ...bed.stored];
  const before = await Promise.all(waited.map((progress) => progress.committed()));
  await Promise.all(
    waited.map((progress, index) => progress.advances(before[index] ?? 0, WORKS_AGAIN_BOUND_MS)),
  );
  bed.log(`ClickHouse killed with ${unstored} records not stored and ${undecided} postbacks in hand`);
  return { unstored, undecided };
}
