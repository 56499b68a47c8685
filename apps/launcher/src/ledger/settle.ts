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

/** The balanced ledger, or the last one read when it does not balance in `boundMs`. */
export async function settledLedger(sources: LedgerSources, boundMs: number): Promise<Ledger> {
  const deadline = performance.now() + boundMs;
  for (;;) {
    const ledger = await readLedger(sources);
    if (ledger.difference === 0 || performance.now() > deadline) return ledger;
    await delay(POLL_MS);
  }
}
