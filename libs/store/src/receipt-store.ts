/** What a sender may ask about its receipts: whether they are judged, and where their conversion stands. */
import { type ClickhouseConnection, loadQuery } from './connection.ts';
import { rowsById } from './rows-by-id.ts';

/** An accepted postback; what attribution has not decided yet is null. */
export interface StoredReceipt {
  readonly receiptId: string;
  readonly sourceId: string;
  /** Epoch ms. */
  readonly receivedAt: number;
  readonly verdict: string | null;
  readonly reasonCode: string | null;
  /** Epoch ms. */
  readonly judgedAt: number | null;
  /** Whether the verdict led to, or met, a conversion; verdicts and decisions come by different topics, so it may not show yet. */
  readonly hasConversion: boolean;
  readonly conversion: StoredConversion | null;
}

/** Where a conversion stands: its latest revision. */
export interface StoredConversion {
  readonly conversionId: string;
  readonly revision: number;
  readonly match: string;
  readonly state: string;
}

interface Row {
  readonly receiptId: string;
  readonly sourceId: string;
  readonly receivedAt: string;
  readonly verdict: string | null;
  readonly reasonCode: string | null;
  readonly judgedAt: string | null;
  readonly conversionId: string | null;
  readonly revision: number | null;
  readonly match: string | null;
  readonly state: string | null;
}

const RECEIPTS_BY_ID = loadQuery('receipts-by-id');

export class ReceiptStore {
  readonly #clickhouse: ClickhouseConnection;

  constructor(clickhouse: ClickhouseConnection) {
    this.#clickhouse = clickhouse;
  }

  /** Those of `receiptIds` (UUIDs) that ClickHouse shows. @throws DependencyFailure */
  async receiptsById(receiptIds: readonly string[]): Promise<readonly StoredReceipt[]> {
    const rows = await rowsById<Row>(this.#clickhouse, RECEIPTS_BY_ID, 'receiptIds', receiptIds);
    return rows.map(receiptOf);
  }
}

function receiptOf(row: Row): StoredReceipt {
  return {
    receiptId: row.receiptId,
    sourceId: row.sourceId,
    receivedAt: Number(row.receivedAt),
    verdict: row.verdict,
    reasonCode: row.reasonCode,
    judgedAt: row.judgedAt === null ? null : Number(row.judgedAt),
    hasConversion: row.conversionId !== null,
    conversion: conversionOf(row),
  };
}

function conversionOf({ conversionId, revision, match, state }: Row): StoredConversion | null {
  if (conversionId === null || revision === null || match === null || state === null) return null;
  return { conversionId, revision, match, state };
}
