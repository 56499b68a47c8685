/** The token bucket: never more than the rate over any time, after at most a second's worth at once. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SendRate } from './send-rate.ts';

it('lets a second of requests through at once, then one each interval', () => {
  const rate = new SendRate(4, 0);
  expect([1, 2, 3, 4, 5, 6].map(() => rate.reserve(0))).toEqual([0, 0, 0, 0, 250, 500]);
  expect(rate.waitMs(0)).toBe(750);
  expect(rate.reserve(1_000)).toBe(0);
});

it('takes rates below one a second', () => {
  const rate = new SendRate(0.5, 0);
  expect([rate.reserve(0), rate.reserve(0), rate.reserve(0)]).toEqual([0, 2_000, 4_000]);
});

it('shares the rate by the partitions owned', () => {
  expect([12, 5, 4, 3, 0].map((owned) => SendRate.shareOf(120, owned, 12))).toEqual([120, 50, 40, 30, 10]);
});

it('never lets more through than a second at once and the rate after', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.array(fc.nat(300), { minLength: 1, maxLength: 200 }),
      (perSecond, gaps) => {
        const rate = new SendRate(perSecond, 0);
        let now = 0;
        let sent = 0;
        for (const gap of gaps) {
          now += gap;
          if (rate.waitMs(now) > 0) continue;
          expect(rate.reserve(now)).toBe(0);
          sent += 1;
        }
        expect(sent).toBeLessThanOrEqual(perSecond + (perSecond * now) / 1_000 + 1e-6);
      },
    ),
  );
});
