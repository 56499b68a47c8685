/** Attribution dies at each point between what it does of a piece of work and what it does next. */
import type { AttributionBed } from '../attribution/attribution-bed.ts';
import { CRASH_POINTS, type CrashPoint } from '../attribution/crash-points.ts';
import { resultOf, type ScenarioResult } from '../totals.ts';

export interface CrashPointsOptions {
  /** All of them when absent. */
  readonly points?: readonly CrashPoint[];
}

const WORKS_AGAIN_BOUND_MS = 120_000;

export async function crashPoints(
  bed: AttributionBed,
  { points = CRASH_POINTS }: CrashPointsOptions = {},
): Promise<ScenarioResult> {
  const told: string[] = [];
  const ledger = await bed.round(async () => {
    for (const point of points) told.push(await crashAt(bed, point));
  });
  return resultOf([`${told.length} crashes, one at each point`, ...told], [ledger]);
}

async function crashAt(bed: AttributionBed, point: CrashPoint): Promise<string> {
  await bed.group.hasWork(WORKS_AGAIN_BOUND_MS);
  bed.crashOrders.give(point);
  // Partitions are dealt only when somebody comes or goes.
  if (point === 'catching-up') for (const instance of bed.instances) instance.kill();
  const { records } = await bed.crashOrders.obeyed();
  const inHand = await bed.group.uncommitted(await bed.group.ends());
  await bed.group.advances(await bed.group.committed(), WORKS_AGAIN_BOUND_MS);
  const line = `  ${point.padEnd(20)} ${records} records of the call it died in, ${inHand} postbacks uncommitted`;
  bed.log(line.trim());
  return line;
}
