/** The broker is killed and stays away under load: every postback is answered from the spool, and all of it is in the topic afterwards. */
import { setTimeout as delay } from 'node:timers/promises';
import type { IngestionBed, Pace } from '../ingestion-bed.ts';
import type { ScenarioResult } from '../totals.ts';
import { type CheckLine, printCheck } from './acknowledged-check.ts';
import { type Answered, percentileMs, statusesOf } from './acknowledged-load.ts';

export interface SpoolOutageOptions extends Pace {
  readonly outageMs: number;
  /** What the p99 of postbacks during the outage may be; larger on a machine that does something else as well. */
  readonly p99BoundMs: number;
}

const BEFORE_MS = 5_000;
const AFTER_MS = 10_000;
/** Share of the load asked for that counts as load. */
const LEAST_LOAD = 0.8;
const REDIRECT_BOUND_MS = 1_500;

export async function spoolOutage(
  bed: IngestionBed,
  { outageMs, p99BoundMs, ...pace }: SpoolOutageOptions,
): Promise<ScenarioResult> {
  const load = bed.load(pace);
  await delay(BEFORE_MS);
  const killedAt = performance.now();
  await bed.system.crash('kafka', outageMs);
  const backAt = performance.now();
  bed.log(`the broker was away for ${Math.round(backAt - killedAt)} ms, ${load.rate} postbacks/s`);
  await delay(AFTER_MS);
  const { rate } = load;
  await load.stop();
  const emptyMs = await bed.spoolEmpty();
  bed.log(`load stopped, the spool was empty ${emptyMs} ms later`);
  const count = async (name: string): Promise<number> =>
    (await bed.metric(`tributary_spool_${name}_total`)) ?? 0;
  const [spooled, drained, ambiguous] = await Promise.all([
    count('spooled_records'),
    count('drained_records'),
    count('ambiguous_records'),
  ]);
  const { lines, example, repeatedPostbacks, repeatedClicks } = await bed.check(load);
  const inOutage = (answers: readonly Answered[]): readonly Answered[] =>
    answers.filter(({ startedAt }) => startedAt >= killedAt && startedAt < backAt);
  const [postbacks, redirects] = [inOutage(load.postbacks), inOutage(load.redirects)];
  const p99 = percentileMs(postbacks, 99);
  const redirectP99 = percentileMs(redirects, 99);
  const answered = postbacks.filter(({ status }) => status === 200).length;
  const redirected = load.redirects.filter(({ status }) => status === 302).length;
  const repeats = repeatedPostbacks + repeatedClicks;
  const ledger: CheckLine[] = [
    ...lines,
    {
      label: 'postbacks answered 200 in the outage',
      expected: postbacks.length,
      found: answered,
      off: postbacks.length - answered,
    },
    {
      label: 'redirects answered 302',
      expected: load.redirects.length,
      found: redirected,
      off: load.redirects.length - redirected,
    },
    {
      label: 'repeats in the topics, at most the ambiguous',
      expected: ambiguous,
      found: repeats,
      off: Math.max(0, repeats - ambiguous),
    },
    {
      label: 'p99 of postbacks in the outage, at most ms',
      expected: p99BoundMs,
      found: p99,
      off: p99 <= p99BoundMs ? 0 : 1,
    },
    {
      label: 'p99 of redirects in the outage, at most ms',
      expected: REDIRECT_BOUND_MS,
      found: redirectP99,
      off: redirectP99 <= REDIRECT_BOUND_MS ? 0 : 1,
    },
    {
      label: 'postbacks per second',
      expected: pace.postbacksPerSecond,
      found: rate,
      off: rate >= LEAST_LOAD * pace.postbacksPerSecond ? 0 : 1,
    },
    // An outage that spooled nothing has shown nothing.
    { label: 'records spooled, at least', expected: 1, found: spooled, off: spooled > 0 ? 0 : 1 },
  ];
  return {
    lines: [
      `the broker away for ${Math.round((backAt - killedAt) / 1_000)} s under ${rate} postbacks/s`,
      `  postbacks: ${statusesOf(load.postbacks)}; redirects: ${statusesOf(load.redirects)}`,
      `  in the outage: ${postbacks.length} postbacks, p50 ${percentileMs(postbacks, 50)} ms, p99 ${p99} ms, max ${percentileMs(postbacks, 100)} ms; ${redirects.length} redirects, p50 ${percentileMs(redirects, 50)} ms, p99 ${redirectP99} ms`,
      `  outside it: p50 ${percentileMs(outside(load.postbacks, postbacks), 50)} ms, p99 ${percentileMs(outside(load.postbacks, postbacks), 99)} ms`,
      `  spooled ${spooled}, drained ${drained}; ambiguous sends ${ambiguous}; repeats in the topics ${repeats} (${repeatedPostbacks} postbacks, ${repeatedClicks} clicks)`,
      ...printCheck(ledger, example),
    ],
    difference: ledger.reduce((sum, { off }) => sum + Math.abs(off), 0),
  };
}

function outside(all: readonly Answered[], within: readonly Answered[]): readonly Answered[] {
  const left = new Set(within);
  return all.filter((answer) => !left.has(answer));
}
