/** What attribution reads: clicks by id, verdicts by receipt, the latest decisions, and the parked ones of its partitions. */
import type { ClickRecorded, ConversionDecided } from '@tributary/contracts';
import { type ClickhouseConnection, loadQuery } from './connection.ts';
import { eventRows } from './event-rows.ts';
import { rowsById } from './rows-by-id.ts';

type Row = Readonly<Record<string, unknown>>;

const clicks = eventRows('click.recorded.v1');
const decisions = eventRows('conversion.decided.v1');
const CLICKS_BY_ID = loadQuery('clicks-by-id').replace('{{columns}}', clicks.columns);
const CONTENT_DIGESTS = loadQuery('content-digests');
const JUDGED_RECEIPTS = loadQuery('judged-receipts');
const LATEST_DECISIONS = loadQuery('latest-decisions').replace('{{columns}}', decisions.columns);
const PARKED_DECISIONS = loadQuery('parked-decisions').replace('{{columns}}', decisions.columns);

export class AttributionStore {
  readonly #clickhouse: ClickhouseConnection;

  constructor(clickhouse: ClickhouseConnection) {
    this.#clickhouse = clickhouse;
  }

  /** The clicks that exist among `clickIds` (UUIDs). @throws DependencyFailure */
  async clicksById(clickIds: readonly string[]): Promise<readonly ClickRecorded[]> {
    const rows = await rowsById<Row>(this.#clickhouse, CLICKS_BY_ID, 'clickIds', clickIds);
    return rows.map(clicks.toEvent);
  }

  /** Those of `receiptIds` that have a verdict. @throws DependencyFailure */
  async judgedReceipts(receiptIds: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await rowsById<{ receiptId: string }>(
      this.#clickhouse,
      JUDGED_RECEIPTS,
      'receiptIds',
      receiptIds,
    );
    return new Set(rows.map(({ receiptId }) => receiptId));
  }

  /** Content digest of the first postback of those receipts that are shown. @throws DependencyFailure */
  async contentDigests(receiptIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const rows = await rowsById<{ receiptId: string; contentDigest: string }>(
      this.#clickhouse,
      CONTENT_DIGESTS,
      'receiptIds',
      receiptIds,
    );
    return new Map(rows.map(({ receiptId, contentDigest }) => [receiptId, contentDigest]));
  }

  /** The latest revision of those conversions that exist. @throws DependencyFailure */
  async latestDecisions(conversionIds: readonly string[]): Promise<readonly ConversionDecided[]> {
    const rows = await rowsById<Row>(this.#clickhouse, LATEST_DECISIONS, 'conversionIds', conversionIds);
    return rows.map(decisions.toEvent);
  }

  /** The parked conversions whose lane lives in one of these partitions of postback.received. @throws DependencyFailure */
  async parkedDecisions(partitions: readonly number[]): Promise<readonly ConversionDecided[]> {
    if (partitions.length === 0) return [];
    const rows = await this.#clickhouse.rows<Row>(PARKED_DECISIONS, { partitions });
    return rows.map(decisions.toEvent);
  }
}
