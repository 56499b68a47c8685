/** Reads the ledger of a bed: its book, the log of attempts, and ClickHouse. */
import type { LedgerLine } from '../../../apps/launcher/src/ledger/ledger.ts';
import { eachEventOf } from '../../topic-events.ts';
import { type AttemptLog, AttemptReader } from './attempt-log.ts';
import { deliveryLines } from './delivery-ledger.ts';
import type { FanOutBed } from './fan-out-bed.ts';

export async function readDeliveryLedger(
  bed: FanOutBed,
): Promise<{ readonly lines: readonly LedgerLine[]; readonly log: AttemptLog }> {
  await bed.read();
  const reader = new AttemptReader();
  await eachEventOf(bed.kafka, 'delivery.attempted.v1', (record) => reader.note(record));
  const log = reader.log();
  const clickhouse = bed.system.connectClickhouse();
  try {
    const [stored] = await clickhouse.rows<{ ended: string; open: string }>(
      `SELECT countIf(isEnded) AS ended, countIf(NOT isEnded) AS open FROM
         (SELECT phase = 'ended' AND ifNull(outcome, '') NOT IN ('', 'retry') AS isEnded FROM deliveries FINAL)`,
    );
    const [dead] = await clickhouse.rows<{ n: string }>('SELECT count() AS n FROM dead_letters FINAL');
    const lines = deliveryLines({
      balance: bed.book.balance(),
      log,
      stored: { ended: Number(stored?.ended ?? 0), open: Number(stored?.open ?? 0) },
      deadLetters: Number(dead?.n ?? 0),
    });
    return { lines, log };
  } finally {
    await clickhouse.close();
  }
}
