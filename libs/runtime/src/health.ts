/** Liveness and readiness of a service, as HTTP: /health/live and /health/ready. */
import { Controller, Get, HttpException, HttpStatus, Inject } from '@nestjs/common';

/** One thing a service needs; `ready` false takes the service out of rotation. */
export interface ReadinessCheck {
  readonly name: string;
  check(): Promise<CheckResult> | CheckResult;
}

export interface CheckResult {
  readonly ready: boolean;
  /** Something is amiss that takes nobody out of rotation. */
  readonly degraded?: boolean;
  /** One short line without secrets. */
  readonly detail?: string;
}

export const READINESS_CHECKS = Symbol('READINESS_CHECKS');

/** A check that does not answer in this time counts as failed, so that probes never pile up. */
const CHECK_TIMEOUT_MS = 2_000;

@Controller('health')
export class HealthController {
  readonly #checks: readonly ReadinessCheck[];

  constructor(@Inject(READINESS_CHECKS) checks: readonly ReadinessCheck[]) {
    this.#checks = checks;
  }

  @Get('live')
  live(): { status: 'live' } {
    return { status: 'live' };
  }

  @Get('ready')
  async ready(): Promise<object> {
    const results = await Promise.all(this.#checks.map(runCheck));
    const report = {
      status: results.every(({ ready }) => ready) ? 'ready' : 'not_ready',
      checks: results,
    };
    if (report.status !== 'ready') throw new HttpException(report, HttpStatus.SERVICE_UNAVAILABLE);
    return report;
  }
}

/** Ready while the dependency answers. */
export function answers(name: string, dependency: { ping(): Promise<void> }): ReadinessCheck {
  return {
    name,
    check: async () => {
      await dependency.ping();
      return { ready: true };
    },
  };
}

async function runCheck(one: ReadinessCheck): Promise<CheckResult & { name: string }> {
  const { name } = one;
  const timeout = new Promise<CheckResult>((resolve) =>
    setTimeout(() => resolve({ ready: false, detail: 'no answer in time' }), CHECK_TIMEOUT_MS).unref(),
  );
  try {
    return { name, ...(await Promise.race([one.check(), timeout])) };
  } catch (error) {
    return { name, ready: false, detail: error instanceof Error ? error.name : 'failed' };
  }
}
