/** Three instances of each consuming service, members that come and go all the time, and one instance stopped for a while and continued. */
import { existsSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import type { TopicName } from '@tributary/contracts';
import type { SupervisedService } from '../../../apps/launcher/src/system/supervised-service.ts';
import type { FaultBed } from '../fault-bed.ts';
import { repeatsIn, resultOf, type ScenarioResult } from '../totals.ts';
import { keepMoving } from './restless-member.ts';

export interface RebalancesOptions {
  readonly durationMs: number;
  /** A member joins or leaves this often. */
  readonly everyMs: number;
  /** How long one instance of each service is stopped by SIGSTOP. */
  readonly stoppedMs: number;
}

type ServiceName = 'attribution' | 'fan-out';

const SERVICES: readonly ServiceName[] = ['attribution', 'fan-out'];
/** Ports of the further instances, above those of the bed. */
const FIRST_PORT = 21_600;
const TOPICS: Readonly<Record<ServiceName, readonly TopicName[]>> = {
  attribution: ['postback.received.v1', 'attribution.commanded.v1'],
  'fan-out': [
    'conversion.decided.v1',
    'delivery.due.1s.v1',
    'delivery.due.5s.v1',
    'delivery.due.30s.v1',
    'delivery.due.5m.v1',
    'delivery.due.1h.v1',
  ],
};
/** Before the stop and after the last rebalance, everybody works for a while. */
const BEFORE_STOP_SHARE = 0.2;

export async function rebalances(bed: FaultBed, options: RebalancesOptions): Promise<ScenarioResult> {
  const instances = await threeOfEach(bed);
  let restless = 0;
  const dealtBefore = dealtCount(bed);
  const ledger = await bed.round(async () => {
    const ending = new AbortController();
    const moving = Promise.all(SERVICES.map((name) => moveIn(bed, name, options.everyMs, ending.signal)));
    // Looked at below; until then a failure of it is nobody's.
    moving.catch(() => undefined);
    try {
      await delay(options.durationMs * BEFORE_STOP_SHARE);
      await stopAndContinue(bed, instances, options.stoppedMs);
      await delay(Math.max(0, options.durationMs * (1 - BEFORE_STOP_SHARE) - options.stoppedMs));
    } finally {
      ending.abort();
      restless = (await moving).reduce((sum, count) => sum + count, 0);
    }
  });
  const dealt = dealtCount(bed) - dealtBefore;
  bed.log(`rebalances done, difference ${ledger.difference}`);
  return resultOf(
    [
      `three instances of attribution and fan-out for ${options.durationMs / 1_000} s, a member joining or leaving every ${options.everyMs / 1_000} s`,
      `  members that joined or left: ${restless}; times partitions were dealt to an instance: ${dealt}`,
      `  one instance of each stopped for ${options.stoppedMs / 1_000} s and continued`,
      `  events repeated at receivers, under the same key: ${repeatsIn([ledger])}`,
    ],
    [ledger],
  );
}

function moveIn(
  { kafka, log }: FaultBed,
  groupId: ServiceName,
  everyMs: number,
  signal: AbortSignal,
): Promise<number> {
  return keepMoving({ kafka, log, groupId, topics: TOPICS[groupId], everyMs }, signal);
}

async function threeOfEach(bed: FaultBed): Promise<readonly SupervisedService[]> {
  const added = await Promise.all(
    SERVICES.flatMap((name, index) =>
      [0, 1].map((n) => bed.system.addInstance(name, FIRST_PORT + index * 2 + n)),
    ),
  );
  return added;
}

/** Stops one further instance of each service as a whole, which is what a long garbage collection or a frozen machine looks like. */
async function stopAndContinue(
  bed: FaultBed,
  instances: readonly SupervisedService[],
  stoppedMs: number,
): Promise<void> {
  const pids = SERVICES.flatMap((name) => instances.find((each) => each.name === name)?.pid ?? []);
  bed.log(`SIGSTOP to one instance of each service for ${stoppedMs / 1_000} s`);
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  try {
    await delay(stoppedMs);
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT');
    bed.log('SIGCONT: they go on where they stopped');
  }
}

/** How often the instances were told their partitions, by their own logs. */
function dealtCount(bed: FaultBed): number {
  const names = [
    'attribution',
    'fan-out',
    ...[0, 1, 2, 3].map((n) => `${SERVICES[n >> 1]}-${FIRST_PORT + n}`),
  ];
  return names
    .map((name) => bed.logFile(name))
    .filter((file) => existsSync(file))
    .reduce((sum, file) => sum + readFileSync(file, 'utf8').split('"partitions.assigned"').length - 1, 0);
}
