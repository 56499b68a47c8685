/** Liveness and readiness of a service, as HTTP: /health/live and /health/ready. */
import { Controller, Get, HttpException, HttpStatus, Inject } from '@nestjs/common';
import { gauge } from './metrics.ts';

/** One thing a service depends on. */
export interface ReadinessCheck {
  readonly name: string;
  /**
   * False: the service does a part of its work without it, so its failure degrades and does not take the service out of
   * rotation. True when absent.
   */
  readonly isNeeded?: boolean;
  check(): Promise<CheckResult> | CheckResult;
}

export interface CheckResult {
  readonly ready: boolean;
  /** It works, and somebody should look. */
  readonly degraded?: boolean;
  /** One short line without secrets. */
  readonly detail?: string;
}

/**
 * - `ready`: everything is as it should be
 * - `degraded`: the service does its work, or a part of it, and somebody should look; still HTTP 200
 * - `not_ready`: it can do none of its work now; HTTP 503
 */
export type ReadinessStatus = 'ready' | 'degraded' | 'not_ready';

export interface ReadinessReport {
  readonly status: ReadinessStatus;
  readonly checks: readonly (CheckResult & { readonly name: string })[];
}

export const READINESS_CHECKS = Symbol('READINESS_CHECKS');

/** A check that does not answer in this time counts as failed, so that probes never pile up. */
const CHECK_TIMEOUT_MS = 2_000;
const DRAINING = { name: 'draining', ready: false, detail: 'the service is stopping' } as const;

const checkUp = gauge({
  name: 'tributary_check_up',
  help: 'Whether what a readiness check looks at works, at the last look: 1 or 0.',
  labels: ['check'],
});
const checkDegraded = gauge({
  name: 'tributary_check_degraded',
  help: 'Whether a readiness check found something somebody should look at: 1 or 0.',
  labels: ['check'],
});

/** What the checks of a service say, taken together. */
export class Readiness {
  readonly #checks: readonly ReadinessCheck[];
  #looking: Promise<ReadinessReport> | undefined;

  constructor(checks: readonly ReadinessCheck[]) {
    this.#checks = checks;
  }

  /** Runs every check; callers that come at once share one look. */
  report(): Promise<ReadinessReport> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<ReadinessReport> {
    const checks = await Promise.all(this.#checks.map(runCheck));
    for (const { name, ready, degraded = false, isUp } of checks) {
      checkUp.set({ check: name }, isUp ? 1 : 0);
      checkDegraded.set({ check: name }, ready && !degraded ? 0 : 1);
    }
    return { status: statusOf(checks), checks: checks.map(({ isUp: _, ...result }) => result) };
  }
}

@Controller('health')
export class HealthController {
  readonly #readiness: Readiness;
  #isDraining = false;

  constructor(@Inject(READINESS_CHECKS) checks: readonly ReadinessCheck[]) {
    this.#readiness = new Readiness(checks);
  }

  /** Answers as long as the process can: one that is beyond repair ends itself, see `crashOn`. */
  @Get('live')
  live(): { status: 'live' } {
    return { status: 'live' };
  }

  @Get('ready')
  async ready(): Promise<ReadinessReport> {
    const report = await this.#report();
    if (report.status === 'not_ready') throw new HttpException(report, HttpStatus.SERVICE_UNAVAILABLE);
    return report;
  }

  /** From now on not ready, so that nothing new is sent here while what is in hand is finished. */
  drain(): void {
    this.#isDraining = true;
  }

  async #report(): Promise<ReadinessReport> {
    const report = await this.#readiness.report();
    return this.#isDraining ? { status: 'not_ready', checks: [...report.checks, DRAINING] } : report;
  }
}

/** Ready while the dependency answers. */
export function answers(
  name: string,
  dependency: { ping(): Promise<void> },
  options: Pick<ReadinessCheck, 'isNeeded'> = {},
): ReadinessCheck {
  return {
    ...options,
    name,
    check: async () => {
      await dependency.ping();
      return { ready: true };
    },
  };
}

function statusOf(checks: readonly CheckResult[]): ReadinessStatus {
  if (checks.some(({ ready }) => !ready)) return 'not_ready';
  return checks.some(({ degraded }) => degraded) ? 'degraded' : 'ready';
}

async function runCheck(one: ReadinessCheck): Promise<CheckResult & { name: string; isUp: boolean }> {
  const { name, isNeeded = true } = one;
  const result = await resultOf(one);
  if (result.ready || isNeeded) return { name, ...result, isUp: result.ready };
  return { name, ...result, ready: true, degraded: true, isUp: false };
}

async function resultOf(one: ReadinessCheck): Promise<CheckResult> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<CheckResult>((resolve) => {
    timer = setTimeout(() => resolve({ ready: false, detail: 'no answer in time' }), CHECK_TIMEOUT_MS);
    timer.unref();
  });
  try {
    return await Promise.race([one.check(), timeout]);
  } catch (error) {
    return { ready: false, detail: error instanceof Error ? error.name : 'failed' };
  } finally {
    clearTimeout(timer);
  }
}
