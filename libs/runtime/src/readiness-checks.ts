/** The readiness checks several services share: consumer group, configuration, undecoded records. */
import type { CheckResult, ReadinessCheck } from './health.ts';
import { gauge } from './metrics.ts';

/** How a consumer group's member fares now; the bus tells it. */
export interface GroupStatus {
  /** Heard by the group's coordinator within the session timeout: not "was once", and not while a rebalance drags on. */
  readonly isMember: boolean;
  /** Partitions owned. */
  readonly assigned: number;
  /** Of those, the ones whose work has begun: the assignment is prepared and the worker before has ended. */
  readonly prepared: number;
  /** Records known to stand in the owned partitions that are not done. */
  readonly lag: number;
  /** A partition has had records for a minute of which none was finished, without an outage and without waiting on purpose. */
  readonly isStalled: boolean;
}

/** Half a minute of one partition at a thousand records a second: behind that, somebody should look. */
const HIGH_LAG = 30_000;
/** A record of the configuration is read within a second; one unread for longer means that the follower stands still. */
const STALE_AFTER_MS = 5_000;
/** The count is asked of ClickHouse at most this often, however often probes come. */
const COUNT_EVERY_MS = 5_000;

const undecoded = gauge({
  name: 'tributary_undecoded_records',
  help: 'Records ClickHouse could not decode that are neither published again nor set aside.',
});

/** Not ready while no partition is worked; degraded while far behind. */
export function groupCheck(status: () => GroupStatus): ReadinessCheck {
  return { name: 'group', check: () => groupResult(status()) };
}

function groupResult({ isMember, assigned, prepared, lag, isStalled }: GroupStatus): CheckResult {
  const detail = `${prepared} of ${assigned} partitions worked, lag ${lag}`;
  if (!isMember) return { ready: false, detail: 'no member of the group' };
  if (isStalled) return { ready: false, detail: `stalled: ${detail}` };
  return { ready: prepared === assigned, degraded: lag > HIGH_LAG, detail };
}

/** The configuration as a process has it, and as the log has it. */
export interface ConfigurationProgress {
  /** Offset of the last change read. */
  version(): number;
  /** Offset after the last change in the log. */
  endOffset(): Promise<number>;
}

/** Degraded while a change has stood unread in the log for longer than reading takes. */
export function configurationCheck(
  progress: ConfigurationProgress,
  now: () => number = () => performance.now(),
): ReadinessCheck {
  let behind: { readonly version: number; readonly since: number } | null = null;
  return {
    name: 'configuration',
    isNeeded: false,
    check: async () => {
      const end = await progress.endOffset();
      const version = progress.version();
      const detail = `version ${version}`;
      if (version + 1 >= end) {
        behind = null;
        return { ready: true, detail };
      }
      if (behind === null || version > behind.version) behind = { version, since: now() };
      const isStale = now() - behind.since > STALE_AFTER_MS;
      return { ready: true, degraded: isStale, detail: `${detail} of ${end - 1}` };
    },
  };
}

/** Degraded while ClickHouse keeps records it could not decode: what they say is in no other table. */
export function undecodedCheck(
  count: () => Promise<number>,
  now: () => number = () => performance.now(),
): ReadinessCheck {
  let last: { readonly count: number; readonly at: number } | null = null;
  return {
    name: 'undecoded',
    isNeeded: false,
    check: async () => {
      if (last === null || now() - last.at >= COUNT_EVERY_MS) last = { count: await count(), at: now() };
      undecoded.set(last.count);
      return { ready: true, degraded: last.count > 0, detail: `${last.count} records` };
    },
  };
}
