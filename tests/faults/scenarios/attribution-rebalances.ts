/** Three instances of attribution, a member that joins or leaves all the time, and postbacks in hand at every deal. */
import { setTimeout as delay } from 'node:timers/promises';
import type { AttributionBed } from '../attribution/attribution-bed.ts';
import { resultOf, type ScenarioResult, spreadOf } from '../totals.ts';
import { keepMoving } from './restless-member.ts';

export interface AttributionRebalancesOptions {
  readonly durationMs: number;
  /** A member joins or leaves this often. */
  readonly everyMs: number;
}

const INSTANCES = 3;

export async function attributionRebalances(
  bed: AttributionBed,
  { durationMs, everyMs }: AttributionRebalancesOptions,
): Promise<ScenarioResult> {
  while (bed.instances.length < INSTANCES) await bed.addInstance();
  const dealtBefore = bed.logged('partitions.assigned');
  let moves = 0;
  const inHand: number[] = [];
  const ledger = await bed.round(async () => {
    const ending = new AbortController();
    const moving = keepMoving(
      {
        kafka: bed.kafka,
        log: bed.log,
        groupId: 'attribution',
        topics: ['postback.received.v1', 'attribution.commanded.v1'],
        everyMs,
      },
      ending.signal,
    );
    // Looked at below; until then a failure of it is nobody's.
    moving.catch(() => undefined);
    try {
      const until = performance.now() + durationMs;
      while (performance.now() < until) {
        await delay(everyMs);
        inHand.push(await bed.group.uncommitted(await bed.group.ends()));
      }
    } finally {
      ending.abort();
      moves = await moving;
    }
  });
  const dealt = bed.logged('partitions.assigned') - dealtBefore;
  return resultOf(
    [
      `${INSTANCES} instances for ${durationMs / 1_000} s, a member joining or leaving every ${everyMs / 1_000} s`,
      `  members that joined or left: ${moves}; times partitions were dealt to an instance: ${dealt}`,
      `  uncommitted postbacks when it joined or left: ${spreadOf(inHand)}`,
    ],
    [ledger],
  );
}
