/** The readiness checks several services share: consumer group, configuration, schema registry, undecoded records. */
import type { CheckResult, ReadinessCheck } from './health.ts';
import { gauge } from './metrics.ts';

/** Where a consumer of the bus stands; `BatchStrategy.status` gives it. */
export interface GroupStatus {
  /** The group has dealt this instance its partitions. */
  readonly isMember: boolean;
  /** Partitions this instance owns. */
  readonly assigned: number;
  /** Those of them whose records are handled by now. */
  readonly prepared: number;
  /** Records of the owned partitions not yet handled. */
  readonly lag: number;
  /** Records wait, and none has been finished for longer than any work takes. */
  readonly isStalled: boolean;
}

/** A consumer as far as readiness goes: its whole status, or what little it tells. */
export type GroupMember = { readonly status: GroupStatus } | { readonly isMember: boolean };

/** Half a minute of one partition at a thousand records a second: behind that, somebody should look. */
const HIGH_LAG = 30_000;
/** A record of the configuration is read within a second; one unread for longer means that the follower stands still. */
const STALE_AFTER_MS = 5_000;
/** The count is asked of ClickHouse at most this often, however often probes come. */
const COUNT_EVERY_MS = 5_000;
const REGISTRY_TIMEOUT_MS = 1_500;

const configurationVersion = gauge({
  name: 'tributary_configuration_version',
  help: 'Offset of the configuration change up to which this process has read.',
});
const undecoded = gauge({
  name: 'tributary_undecoded_records',
  help: 'Records ClickHouse has set aside because they did not decode.',
});

/** Not ready while no partition is worked; degraded while far behind. */
export function groupCheck(member: GroupMember): ReadinessCheck {
  return {
    name: 'group',
    check: () => ('status' in member ? groupResult(member.status) : { ready: member.isMember }),
  };
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
      configurationVersion.set(version);
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

/** Not needed by a service itself: ClickHouse reads schemas there, and sets good records aside while it cannot. */
export function schemaRegistryCheck(url: string): ReadinessCheck {
  return {
    name: 'schema_registry',
    isNeeded: false,
    check: async () => {
      const response = await fetch(new URL('subjects', url.endsWith('/') ? url : `${url}/`), {
        signal: AbortSignal.timeout(REGISTRY_TIMEOUT_MS),
      });
      await response.body?.cancel();
      return response.ok ? { ready: true } : { ready: false, detail: `HTTP ${response.status}` };
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
