/** Health: live while the process is, ready while everything it needs answers in time. */
import { HttpException } from '@nestjs/common';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { HealthController, type ReadinessCheck } from './health.ts';
import { processMetrics } from './metrics.ts';

afterEach(() => {
  vi.useRealTimers();
});

const good: ReadinessCheck = { name: 'good', check: () => ({ ready: true }) };

async function refusalOf(checks: readonly ReadinessCheck[]) {
  const failure = await new HealthController(checks).ready().catch((error: unknown) => error);
  if (!(failure instanceof HttpException)) throw new Error('ready');
  return { status: failure.getStatus(), report: failure.getResponse() };
}

it('is live whatever its checks say', () => {
  expect(new HealthController([{ name: 'bad', check: () => ({ ready: false }) }]).live()).toEqual({
    status: 'live',
  });
});

describe('ready', () => {
  it('when every check is', async () => {
    const report = {
      status: 'ready',
      checks: [
        { name: 'good', ready: true },
        { name: 'slow', ready: true, detail: 'fine' },
      ],
    };
    const slow: ReadinessCheck = { name: 'slow', check: async () => ({ ready: true, detail: 'fine' }) };
    expect(await new HealthController([good, slow]).ready()).toEqual(report);
    expect(await new HealthController([]).ready()).toEqual({ status: 'ready', checks: [] });
  });

  it('is not 503 for one check only: the others are told too', async () => {
    expect(
      await refusalOf([good, { name: 'bad', check: () => ({ ready: false, detail: 'behind' }) }]),
    ).toEqual({
      status: 503,
      report: {
        status: 'not_ready',
        checks: [
          { name: 'good', ready: true },
          { name: 'bad', ready: false, detail: 'behind' },
        ],
      },
    });
  });

  it('but degraded when a check says so, or when one that is not needed fails', async () => {
    const lagging: ReadinessCheck = {
      name: 'lag',
      check: () => ({ ready: true, degraded: true, detail: '9' }),
    };
    expect(await new HealthController([good, lagging]).ready()).toEqual({
      status: 'degraded',
      checks: [
        { name: 'good', ready: true },
        { name: 'lag', ready: true, degraded: true, detail: '9' },
      ],
    });
    const away: ReadinessCheck = {
      name: 'away',
      isNeeded: false,
      check: () => Promise.reject(new RangeError()),
    };
    expect(await new HealthController([away]).ready()).toEqual({
      status: 'degraded',
      checks: [{ name: 'away', ready: true, degraded: true, detail: 'RangeError' }],
    });
  });

  it('is not once the service drains, whatever its checks say, while it stays live', async () => {
    const health = new HealthController([good]);
    health.drain();
    const failure = await health.ready().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(HttpException);
    expect((failure as HttpException).getResponse()).toMatchObject({ status: 'not_ready' });
    expect(health.live()).toEqual({ status: 'live' });
  });

  it('shows each check as gauges: what is away is down, needed or not', async () => {
    const away: ReadinessCheck = {
      name: 'gauge_away',
      isNeeded: false,
      check: () => Promise.reject(new Error()),
    };
    await new HealthController([away, { name: 'gauge_good', check: () => ({ ready: true }) }]).ready();
    const text = await processMetrics.metrics();
    expect(text).toContain('tributary_check_up{check="gauge_away"} 0');
    expect(text).toContain('tributary_check_degraded{check="gauge_away"} 1');
    expect(text).toContain('tributary_check_up{check="gauge_good"} 1');
    expect(text).toContain('tributary_check_degraded{check="gauge_good"} 0');
  });

  it.each<[string, ReadinessCheck['check']]>([
    [
      'throws',
      () => {
        throw new RangeError('secret detail');
      },
    ],
    ['rejects', () => Promise.reject(new RangeError('secret detail'))],
  ])('is not when a check %s, and says no more than the kind of error', async (_name, check) => {
    expect((await refusalOf([{ name: 'bad', check }])).report).toMatchObject({
      checks: [{ name: 'bad', ready: false, detail: 'RangeError' }],
    });
  });

  it('is not when a check does not answer in two seconds', async () => {
    vi.useFakeTimers();
    const refusal = refusalOf([{ name: 'silent', check: () => new Promise(() => undefined) }]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect((await refusal).report).toMatchObject({ checks: [{ ready: false, detail: 'no answer in time' }] });
  });

  it('asks a check that is an object of a class', async () => {
    class Kafka implements ReadinessCheck {
      readonly name = 'kafka';
      readonly #isUp = true;
      check() {
        return { ready: this.#isUp };
      }
    }
    expect(await new HealthController([new Kafka()]).ready()).toMatchObject({ status: 'ready' });
  });
});
