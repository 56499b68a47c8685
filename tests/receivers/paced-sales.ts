/** Sends at an even pace, and notes when each delivery was due to be asked for. */
import { setTimeout as delay } from 'node:timers/promises';
import type { AskedDelivery } from './configured-receivers.ts';

export interface PacedSalesOptions {
  readonly perSecond: number;
  /** The nth, from 0; null ends it. */
  readonly next: (nth: number) => AskedDelivery | null;
  readonly send: (asked: readonly AskedDelivery[]) => Promise<void>;
}

const TICK_MS = 5;

/**
 * Resolves when the last is sent and acknowledged.
 * @param dueAt is filled, by delivery: epoch ms with fractions, as the receivers note arrivals.
 */
export async function sendEvenly(
  { perSecond, next, send }: PacedSalesOptions,
  dueAt: Map<string, number>,
): Promise<void> {
  const sending: Promise<void>[] = [];
  const startedAt = performance.now();
  let nth = 0;
  for (let isOver = false; !isOver; await delay(TICK_MS)) {
    const due: AskedDelivery[] = [];
    const dueByNow = ((performance.now() - startedAt) / 1_000) * perSecond;
    for (; nth < dueByNow && !isOver; nth += 1) {
      const asked = next(nth);
      if (asked === null) isOver = true;
      else {
        due.push(asked);
        dueAt.set(asked.deliveryId, performance.timeOrigin + startedAt + (nth / perSecond) * 1_000);
      }
    }
    if (due.length > 0) sending.push(send(due));
  }
  await Promise.all(sending);
}
