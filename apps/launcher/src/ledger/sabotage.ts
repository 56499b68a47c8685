/** Damages the data on purpose, each in one way a real fault could, so that a test proves the ledger notices. */
import type { ClickhouseConnection } from '@tributary/store';
import type { Sabotage } from '../arguments.ts';
import { DEMO } from '../demo/demo-configuration.ts';
import type { Journal } from '../demo/journal.ts';

const NEWEST_CONVERSION = `(
  SELECT * FROM conversions FINAL
  WHERE advertiserId = '${DEMO.advertiserId}' AND match = 'attributed' AND revenueMicros IS NOT NULL
  ORDER BY receivedAt DESC LIMIT 1
)`;

export async function sabotage(
  kind: Sabotage,
  journal: Journal,
  clickhouse: ClickhouseConnection,
  sandboxUrl: string,
): Promise<void> {
  switch (kind) {
    case 'drop-row':
      await clickhouse.run(`DELETE FROM postbacks WHERE receiptId = '${journal.receiptIds[0]}'`);
      return;
    case 'double-row':
      await clickhouse.run(
        `INSERT INTO conversions SELECT * REPLACE (generateUUIDv4() AS conversionId) FROM ${NEWEST_CONVERSION}`,
      );
      return;
    case 'change-amount':
      await clickhouse.run(
        `INSERT INTO conversions SELECT * REPLACE (revenueMicros + 1 AS revenueMicros, recordVersion + 1 AS recordVersion) FROM ${NEWEST_CONVERSION}`,
      );
      return;
    case 'drop-delivery': {
      const last = `${sandboxUrl}/admin/received/partner/${DEMO.partnerReceiver}/last`;
      const response = await fetch(last, { method: 'DELETE' });
      if (!response.ok) throw new Error(`the sandbox answered ${response.status}`);
    }
  }
}
