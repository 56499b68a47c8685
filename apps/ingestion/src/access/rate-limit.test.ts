/** The rate of a source: the configured total, in shares, with its bursts, batches and refusals. */
import { beforeEach, describe, expect, it } from 'vitest';
import { RateLimits } from './rate-limit.ts';

let now: number;
const limit = { perSecond: 10, burst: 5 };

beforeEach(() => {
  now = 1_000;
});

const rates = (instances = 1) => new RateLimits(instances, () => now);

function passed(limits: RateLimits, calls: number, sourceId = 'shop'): number {
  return Array.from({ length: calls }, () => limits.take(sourceId, limit)).filter((each) => each === null)
    .length;
}

describe('a rate', () => {
  it('lets its burst pass, then what a second brings, and never more', () => {
    const limits = rates();
    expect(passed(limits, 100)).toBe(5);
    now += 200;
    expect(passed(limits, 100)).toBe(2);
    now += 3_600_000;
    expect(passed(limits, 100)).toBe(5);
  });

  it('says in whole seconds when the next may pass', () => {
    const limits = rates();
    passed(limits, 5);
    expect(limits.take('shop', limit)?.retryAfterSeconds).toBe(1);
    limits.takeFurther('shop', limit, 34);
    expect(limits.take('shop', limit)?.retryAfterSeconds).toBe(4);
    now += 3_499;
    expect(limits.take('shop', limit)).not.toBeNull();
    now += 1;
    expect(limits.take('shop', limit)).toBeNull();
  });

  it('is shared by the instances: together they let the total pass', () => {
    const instances = [rates(5), rates(5)];
    expect(instances.map((each) => passed(each, 100))).toEqual([1, 1]);
    now += 400;
    expect(passed(rates(5), 0)).toBe(0);
    expect(instances.map((each) => passed(each, 100))).toEqual([0, 0]);
    now += 100;
    expect(instances.map((each) => passed(each, 100))).toEqual([1, 1]);
  });

  it('of one source is no matter of another', () => {
    const limits = rates();
    passed(limits, 1_000);
    expect(passed(limits, 5, 'other')).toBe(5);
  });

  it('puts one refusal a second on record', () => {
    const limits = rates();
    const recorded = () =>
      Array.from({ length: 50 }, () => limits.take('shop', limit)).filter((each) => each?.isRecorded).length;
    expect(recorded()).toBe(1);
    now += 10;
    expect(recorded()).toBe(0);
    now += 1_000;
    expect(recorded()).toBe(1);
  });
});
