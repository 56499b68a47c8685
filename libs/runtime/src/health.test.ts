/** Health: live while the process is, ready while everything it needs answers in time. */
import { HttpException } from '@nestjs/common';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { HealthController, type ReadinessCheck } from './health.ts';

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
