/** Waiting for verdicts: one query for all who ask, an answer as soon as there is one, and never later than asked for. */
import type { StoredReceipt } from '@tributary/store';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { VerdictWatch } from './verdict-watch.ts';

const ACCEPTED: StoredReceipt = {
  receiptId: 'r1',
  sourceId: 'acme-backend',
  receivedAt: 1,
  verdict: null,
  reasonCode: null,
  judgedAt: null,
  hasConversion: false,
  conversion: null,
};
const JUDGED = { ...ACCEPTED, verdict: 'counted', judgedAt: 2, hasConversion: true };
const CONVERSION = { conversionId: 'c1', revision: 1, match: 'attributed', state: 'payable' };

let shown: readonly StoredReceipt[];
let asked: (readonly string[])[];
let watch: VerdictWatch;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  shown = [];
  asked = [];
  watch = new VerdictWatch({
    receiptsById: async (ids) => {
      asked.push(ids);
      return shown;
    },
  });
});
afterEach(() => vi.useRealTimers());

/** What `receipt` answered, and after how many milliseconds. */
async function answered(waitMs: number, script: () => Promise<void> = async () => {}) {
  const startedAt = performance.now();
  let result: { receipt: StoredReceipt | null; afterMs: number } | undefined;
  void watch.receipt('r1', waitMs).then((receipt) => {
    result = { receipt, afterMs: performance.now() - startedAt };
  });
  await script();
  await vi.advanceTimersByTimeAsync(20_000);
  return result;
}

it('answers what is known at once where nobody wants to wait', async () => {
  shown = [ACCEPTED];
  expect(await answered(0)).toEqual({ receipt: ACCEPTED, afterMs: 50 });
});

it('says that nothing is known', async () => {
  expect(await answered(0)).toEqual({ receipt: null, afterMs: 50 });
});

it('answers as soon as the verdict and its decision show', async () => {
  const whole = { ...JUDGED, conversion: CONVERSION };
  const result = await answered(2_000, async () => {
    await vi.advanceTimersByTimeAsync(400);
    shown = [ACCEPTED];
    await vi.advanceTimersByTimeAsync(400);
    shown = [JUDGED];
    await vi.advanceTimersByTimeAsync(200);
    shown = [whole];
  });
  expect(result).toEqual({ receipt: whole, afterMs: 1_050 });
});

it('does not wait for a conversion that a verdict does not have', async () => {
  const rejected = { ...ACCEPTED, verdict: 'rejected', reasonCode: 'click_of_other_advertiser', judgedAt: 2 };
  shown = [rejected];
  expect(await answered(2_000)).toEqual({ receipt: rejected, afterMs: 50 });
});

it('answers what is known when the time is over', async () => {
  shown = [ACCEPTED];
  expect(await answered(1_000)).toEqual({ receipt: ACCEPTED, afterMs: 1_000 });
});

it('asks once for all', async () => {
  const all = Promise.all(['r1', 'r2', 'r1'].map((id) => watch.receipt(id, 0)));
  await vi.advanceTimersByTimeAsync(50);
  await all;
  expect(asked).toEqual([['r1', 'r2']]);
});

it('passes a failure on to everybody who asked, and asks again for the next', async () => {
  let isAway = true;
  watch = new VerdictWatch({
    receiptsById: async () => {
      if (isAway) throw new Error('away');
      return [JUDGED];
    },
  });
  const both = Promise.allSettled([watch.receipt('r1', 0), watch.receipt('r2', 500)]);
  await vi.advanceTimersByTimeAsync(50);
  expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  isAway = false;
  expect((await answered(0))?.receipt).toEqual(JUDGED);
});
