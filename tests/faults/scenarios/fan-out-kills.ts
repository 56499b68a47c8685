/** SIGKILL of fan-out again and again, each time with requests under way to receivers that fail now and then. */
import { setTimeout as delay } from 'node:timers/promises';
import { printLedger } from '../../../apps/launcher/src/ledger/ledger.ts';
import { WELL } from '../../receivers/behaviour.ts';
import { atMost, line } from '../fan-out/delivery-ledger.ts';
import type { FanOutBed } from '../fan-out/fan-out-bed.ts';
import { readDeliveryLedger } from '../fan-out/read-ledger.ts';
import { randomFrom } from '../random.ts';
import { type ScenarioResult, spreadOf } from '../totals.ts';

export interface FanOutKillsOptions {
  readonly kills: number;
  readonly seed: number;
  readonly perSecond: number;
}

/** Two of them batch. Their places together are what a kill can cut off at once. */
export const KILLS_RECEIVERS = [
  ...Array.from({ length: 4 }, () => ({ kind: 'partner-postback' as const })),
  ...Array.from({ length: 2 }, () => ({ kind: 'meta' as const })),
].map((receiver) => ({
  ...receiver,
  concurrency: 4,
  // Long enough for nothing to become a dead letter, whatever fails how often.
  scheduleMs: Array.from({ length: 40 }, () => 1_000),
}));
/** Of every tenth request 503; of every two hundredth the answer is lost after it was taken. */
const FLAKY = { ...WELL, answerAfterMs: 60, failing: 0.1, losing: 0.005 };
/** After so many kills the load pauses and the ledger is read. */
const KILLS_PER_ROUND = 25;
/** A killed member's partitions are dealt anew after 10 s; an instance that does not work after this is stuck. */
const WORKS_AGAIN_BOUND_MS = 120_000;
/** After it works again the next kill comes within this time, at any moment of its work. */
const LONGEST_PEACE_MS = 3_000;
const SETTLE_BOUND_MS = 300_000;
const TICK_MS = 50;
const POLL_MS = 5;

interface Strike {
  readonly underWay: number;
  readonly uncommitted: number;
  readonly backAfterMs: number;
}

export async function fanOutKills(
  bed: FanOutBed,
  { kills, seed, perSecond }: FanOutKillsOptions,
): Promise<ScenarioResult> {
  const random = randomFrom(seed);
  const strikes: Strike[] = [];
  let lost = 0;
  let lines = (await readDeliveryLedger(bed)).lines;
  let difference = 0;
  while (strikes.length < kills && difference === 0) {
    const target = Math.min(kills, strikes.length + KILLS_PER_ROUND);
    await bed.local.behave(indicesOf(bed), FLAKY);
    await underLoad(bed, perSecond, async () => {
      while (strikes.length < target) {
        await delay(random() * LONGEST_PEACE_MS);
        strikes.push(await kill(bed, strikes.length + 1));
      }
    });
    await bed.local.behave(indicesOf(bed), WELL);
    await bed.workedOff(SETTLE_BOUND_MS);
    lost += (await bed.local.count()).lost;
    const { lines: read, log } = await readDeliveryLedger(bed);
    const concurrency = bed.receivers.reduce((sum, receiver) => sum + (receiver.concurrency ?? 0), 0);
    lines = [
      ...read,
      line('uncommitted records', 0, await bed.uncommitted()),
      atMost(
        `ambiguous: cut off by ${strikes.length} kills, ${concurrency} places`,
        strikes.length * concurrency,
        log.cutOff,
      ),
      atMost('ambiguous: answers that receivers withheld', lost, log.unanswered),
    ];
    difference = lines.reduce((sum, each) => sum + each.difference, 0);
    bed.log(
      `${strikes.length} of ${kills} kills, ${log.requests} requests on record, ${log.cutOff + log.unanswered} ambiguous, ${bed.book.balance().repeats.size} deliveries repeated, difference ${difference}`,
    );
  }
  if (difference !== 0) bed.keepEvidence();
  return {
    difference,
    lines: [
      `${strikes.length} SIGKILLs of fan-out, each with requests under way`,
      `  requests under way at the kill: ${spreadOf(strikes.map(({ underWay }) => underWay))}`,
      `  uncommitted decisions at the kill: ${spreadOf(strikes.map(({ uncommitted }) => uncommitted))}`,
      `  seconds until the next commit: ${spreadOf(strikes.map(({ backAfterMs }) => Math.round(backAfterMs / 100) / 10))}`,
      `  deliveries repeated at receivers: ${bed.book.balance().repeats.size}`,
      ...printLedger({ lines, difference }).split('\n'),
    ],
  };
}

async function underLoad(bed: FanOutBed, perSecond: number, strike: () => Promise<void>): Promise<void> {
  const ending = new AbortController();
  const load = steadily(bed, perSecond, ending.signal);
  // Whichever fails first ends the round; the other is still waited for.
  const struck = strike().finally(() => ending.abort());
  const outcomes = await Promise.allSettled([struck, load]);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

async function steadily(bed: FanOutBed, perSecond: number, signal: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  for (let sent = 0; !signal.aborted; await delay(TICK_MS)) {
    const due = Math.floor(((performance.now() - startedAt) / 1_000) * perSecond) - sent;
    const sales = Array.from({ length: due }, (_, index) => {
      const receiver = bed.receivers[(sent + index) % bed.receivers.length];
      if (receiver === undefined) throw new Error('no receivers');
      return bed.sale(receiver);
    });
    sent += due;
    await bed.send(sales);
  }
}

async function kill(bed: FanOutBed, nth: number): Promise<Strike> {
  const deadline = performance.now() + WORKS_AGAIN_BOUND_MS;
  let underWay = 0;
  while (underWay === 0) {
    if (performance.now() > deadline) throw new Error('fan-out has sent nothing for long');
    await delay(POLL_MS);
    underWay = (await bed.local.count()).open;
  }
  bed.fanOut.kill();
  const killedAt = performance.now();
  // Asked after the kill, when nothing can be committed any more.
  const uncommitted = await bed.decisions.uncommitted(await bed.decisions.ends());
  await bed.decisions.advances(await bed.decisions.committed(), WORKS_AGAIN_BOUND_MS);
  const backAfterMs = performance.now() - killedAt;
  bed.log(
    `kill ${nth}: ${underWay} requests under way, ${uncommitted} decisions uncommitted, works again after ${Math.round(backAfterMs)} ms`,
  );
  return { underWay, uncommitted, backAfterMs };
}

function indicesOf({ receivers }: FanOutBed): readonly number[] {
  return receivers.map(({ index }) => index);
}
