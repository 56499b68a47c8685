/** Waits until what was sent has gone all the way, by asking the ledger until it balances. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ClickhouseConnection } from '@tributary/store';
import type { Journal } from '../demo/journal.ts';
import { balance, type Ledger } from './ledger.ts';
import { readSide } from './read-side.ts';

const POLL_MS = 500;

export interface LedgerSources {
  readonly journal: Journal;
  readonly clickhouse: ClickhouseConnection;
  readonly sandboxUrl: string;
}

export async function readLedger({ journal, clickhouse, sandboxUrl }: LedgerSources): Promise<Ledger> {
  return balance(journal, await readSide(journal, clickhouse, sandboxUrl));
}

/** The balanced ledger, or the last one read when it does not balance in `boundMs`; a side that is being restarted is asked again. */
export async function settledLedger(sources: LedgerSources, boundMs: number): Promise<Ledger> {
  const deadline = performance.now() + boundMs;
  for (;;) {
    const isLast = performance.now() > deadline;
    try {
      const ledger = await readLedger(sources);
      if (ledger.difference === 0 || isLast) return ledger;
    } catch (error) {
      if (isLast) throw error;
    }
    await delay(POLL_MS);
  }
}
