/** The breaker: opens on failures that weigh, probes less and less often, comes back slowly. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BREAKER_RULES, Breaker, type BreakerBefore } from './breaker.ts';

const MOST = 16;
const { minRequests, firstCooldownMs, maxCooldownMs, windowMs } = BREAKER_RULES;

/** `s` a success, `f` a failure, one every 100 ms from 0 on. */
function after(outcomes: string): { breaker: Breaker; now: number } {
  const breaker = new Breaker(0);
  let now = 0;
  for (const outcome of outcomes) {
    now += 100;
    if (outcome === 's') breaker.succeeded(now);
    else breaker.failed(now);
  }
  return { breaker, now };
}

function told(breaker: Breaker): BreakerBefore {
  const { state, changedAt, probes, consecutiveFailures, failingSince, lastFailureAt, lastSuccessAt } =
    breaker;
  return { state, changedAt, probes, consecutiveFailures, failingSince, lastFailureAt, lastSuccessAt };
}

describe('a breaker', () => {
  it.each([
    ['', 'closed'],
    ['f'.repeat(minRequests - 1), 'closed'],
    ['f'.repeat(minRequests), 'open'],
    [`${'s'.repeat(6)}${'f'.repeat(5)}`, 'closed'],
    [`${'s'.repeat(6)}${'f'.repeat(6)}`, 'open'],
    ['sf'.repeat(20), 'open'],
    ['ssf'.repeat(20), 'closed'],
  ])('after %s is %s', (outcomes, state) => {
    expect(after(outcomes).breaker.state).toBe(state);
  });

  it('forgets what is older than its window', () => {
    const { breaker, now } = after('f'.repeat(minRequests - 1));
    breaker.failed(now + windowMs + 1);
    expect(breaker.state).toBe('closed');
    expect(breaker.failingSince).toBe(100);
  });

  it.each(['open', 'half_open'] as const)(
    'that takes the place of one that was %s is probed at once, and waits on from there',
    (state) => {
      const before = { ...told(after('f'.repeat(minRequests)).breaker), state, probes: 3 };
      const breaker = new Breaker(90_000, before);
      expect(told(breaker)).toEqual({ ...before, state: 'open' });
      expect(breaker.admission(90_000, MOST)).toEqual({ kind: 'probe' });
      breaker.beginProbe(90_000);
      breaker.failed(90_100, true);
      expect(breaker.probeAt).toBe(90_100 + firstCooldownMs * 2 ** 4);
      expect(breaker.failingSince).toBe(100);
    },
  );

  it('that takes the place of a closed one is closed, and remembers its failures', () => {
    const breaker = new Breaker(90_000, told(after('sff').breaker));
    expect(breaker.admission(90_000, MOST)).toEqual({ kind: 'closed', atOnce: MOST });
    expect(told(breaker)).toMatchObject({ failingSince: 200, consecutiveFailures: 2, lastSuccessAt: 100 });
  });

  it('offers one probe when its cooldown is over, and none before', () => {
    const { breaker, now } = after('f'.repeat(minRequests));
    const probeAt = now + firstCooldownMs;
    expect(breaker.admission(probeAt - 1, MOST)).toEqual({ kind: 'shut', until: probeAt });
    expect(breaker.admission(probeAt, MOST)).toEqual({ kind: 'probe' });
    breaker.beginProbe(probeAt);
    expect(breaker.state).toBe('half_open');
    expect(breaker.admission(probeAt, MOST)).toMatchObject({ kind: 'shut' });
  });

  it('waits twice as long after each failed probe, up to its cap', () => {
    const { breaker, now } = after('f'.repeat(minRequests));
    const waits: number[] = [];
    let at = now;
    for (let probe = 0; probe < 8; probe += 1) {
      waits.push((breaker.probeAt ?? 0) - at);
      at = breaker.probeAt ?? 0;
      breaker.beginProbe(at);
      breaker.failed(at, true);
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 300, 300].map((seconds) => seconds * 1_000));
    expect(waits.at(-1)).toBe(maxCooldownMs);
  });

  it('closes after a probe that got through, and lets more through each second', () => {
    const { breaker, now } = after('f'.repeat(minRequests));
    const at = now + firstCooldownMs;
    breaker.beginProbe(at);
    breaker.succeeded(at, true);
    expect(breaker.state).toBe('closed');
    expect(breaker.failingSince).toBeNull();
    const allowed = [0, 999, 1_000, 2_000, 3_000, 9_000].map((ms) => breaker.admission(at + ms, MOST));
    expect(allowed.map((each) => (each.kind === 'closed' ? each.atOnce : 0))).toEqual([2, 2, 4, 8, 16, 16]);
  });

  it('opens at once again where the ramp fails', () => {
    const { breaker, now } = after('f'.repeat(minRequests));
    const at = now + firstCooldownMs;
    breaker.beginProbe(at);
    breaker.succeeded(at, true);
    for (let failure = 0; failure < minRequests; failure += 1) breaker.failed(at + failure);
    expect(breaker.state).toBe('open');
  });

  it('offers another probe where one told nothing', () => {
    const { breaker, now } = after('f'.repeat(minRequests));
    breaker.beginProbe(now + firstCooldownMs);
    breaker.dropProbe(now + firstCooldownMs);
    expect(breaker.admission(now + firstCooldownMs, MOST)).toEqual({ kind: 'probe' });
  });

  it('goes by its probe alone while that is under way, not by what had left before', () => {
    const { breaker, now } = after('f'.repeat(minRequests));
    const at = now + firstCooldownMs;
    breaker.beginProbe(at);
    breaker.succeeded(at);
    breaker.failed(at);
    expect([breaker.state, breaker.probes]).toEqual(['half_open', 0]);
    expect(breaker.admission(at, MOST)).toMatchObject({ kind: 'shut' });
    breaker.succeeded(at, true);
    expect(breaker.state).toBe('closed');
  });

  it('never has two probes under way, and never admits beyond its limit', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ afterMs: fc.nat(20_000), isSuccess: fc.boolean() }), { maxLength: 80 }),
        (requests) => {
          const breaker = new Breaker(0);
          let now = 0;
          for (const { afterMs, isSuccess } of requests) {
            now += afterMs;
            const admission = breaker.admission(now, MOST);
            if (admission.kind === 'shut') {
              expect(admission.until).toBeGreaterThan(now);
              continue;
            }
            if (admission.kind === 'closed') expect(admission.atOnce).toBeLessThanOrEqual(MOST);
            else {
              breaker.beginProbe(now);
              expect(breaker.admission(now, MOST).kind).toBe('shut');
            }
            if (isSuccess) breaker.succeeded(now, admission.kind === 'probe');
            else breaker.failed(now, admission.kind === 'probe');
          }
        },
      ),
    );
  });
});
