/** Everything that was delivered is read again by a fresh process, from the first record on, twice: the receivers see nothing. */
import { setTimeout as delay } from 'node:timers/promises';
import { printLedger } from '../../../apps/launcher/src/ledger/ledger.ts';
import { WELL } from '../../receivers/behaviour.ts';
import { line } from '../fan-out/delivery-ledger.ts';
import type { FanOutBed } from '../fan-out/fan-out-bed.ts';
import { readDeliveryLedger } from '../fan-out/read-ledger.ts';
import type { ScenarioResult } from '../totals.ts';

export interface FanOutReplayOptions {
  /** Asked for before everything is read again, beside what the ledger may hold already. */
  readonly deliveries: number;
}

export const REPLAY_RECEIVERS = Array.from({ length: 10 }, (_, index) => ({
  kind: index < 5 ? ('partner-postback' as const) : ('meta' as const),
  scheduleMs: Array.from({ length: 40 }, () => 1_000),
}));
/** Some fail at first, and some refuse for good: neither is to come again. */
const PICKY = { ...WELL, failing: 0.01, refusing: 0.02 };
/** So many decisions wait for fan-out at most. */
const AHEAD = 20_000;
const POLL_MS = 200;
const REPLAYS = 2;

export async function fanOutReplay(
  bed: FanOutBed,
  { deliveries }: FanOutReplayOptions,
): Promise<ScenarioResult> {
  const boundMs = 120_000 + deliveries * 10;
  await bed.local.behave(
    bed.receivers.filter(({ kind }) => kind === 'partner-postback').map(({ index }) => index),
    PICKY,
  );
  await fill(bed, deliveries);
  await bed.workedOff(boundMs);
  const { lines } = await readDeliveryLedger(bed);
  bed.log(`${bed.book.balance().asked} deliveries in the ledger, difference ${sumOf(lines)}`);
  const replays = [];
  for (let nth = 1; nth <= REPLAYS; nth += 1) {
    await bed.stopFanOut();
    await bed.rewind();
    await bed.read();
    const [again, decisions] = await Promise.all([
      bed.uncommitted(),
      bed.decisions.ends().then((ends) => bed.decisions.uncommitted(ends)),
    ]);
    const startedAt = performance.now();
    await bed.startFanOut();
    await bed.workedOff(boundMs);
    const seconds = (performance.now() - startedAt) / 1_000;
    const { requests } = await bed.local.count();
    bed.log(`replay ${nth}: ${again} records read again in ${seconds.toFixed(0)} s, ${requests} requests`);
    replays.push(
      line(`replay ${nth}: decisions to be read again`, bed.book.balance().asked, decisions),
      line(`replay ${nth}: requests at the receivers`, 0, requests),
    );
  }
  const after = await readDeliveryLedger(bed);
  const all = [
    ...lines,
    ...replays,
    ...after.lines.map((each) => ({ ...each, label: `${each.label} (after)` })),
  ];
  const difference = sumOf(all);
  if (difference !== 0) bed.keepEvidence();
  return { difference, lines: printLedger({ lines: all, difference }).split('\n') };
}

async function fill(bed: FanOutBed, deliveries: number): Promise<void> {
  for (let sent = 0; sent < deliveries; await delay(POLL_MS)) {
    const waiting = await bed.decisions.uncommitted(await bed.decisions.ends());
    const due = Math.min(deliveries - sent, Math.max(0, AHEAD - waiting));
    const sales = Array.from({ length: due }, (_, index) => {
      const receiver = bed.receivers[(sent + index) % bed.receivers.length];
      if (receiver === undefined) throw new Error('no receivers');
      return bed.sale(receiver);
    });
    await bed.send(sales);
    sent += due;
  }
}

function sumOf(lines: readonly { readonly difference: number }[]): number {
  return lines.reduce((sum, { difference }) => sum + difference, 0);
}
