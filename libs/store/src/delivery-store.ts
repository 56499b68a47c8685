/** What fan-out reads: where deliveries stand. */
import { type ClickhouseConnection, loadQuery } from './connection.ts';
import { epochMs } from './event-rows.ts';
import { rowsById } from './rows-by-id.ts';

/** The latest known fact about one delivery. */
export interface StoredDelivery {
  readonly deliveryId: string;
  readonly revision: number;
  readonly attempt: number;
  readonly phase: 'intended' | 'ended';
  readonly outcome: string | null;
  /** When the next attempt is due, epoch ms; null unless the outcome is retry. */
  readonly nextAttemptAt: number | null;
}

interface DeliveryRow extends Omit<StoredDelivery, 'nextAttemptAt'> {
  readonly nextAttemptAt: string | null;
}

const DELIVERIES_BY_ID = loadQuery('deliveries-by-id');

export class DeliveryStore {
  readonly #clickhouse: ClickhouseConnection;

  constructor(clickhouse: ClickhouseConnection) {
    this.#clickhouse = clickhouse;
  }

  /** Those of `deliveryIds` that were ever attempted. @throws DependencyFailure */
  async deliveriesById(deliveryIds: readonly string[]): Promise<readonly StoredDelivery[]> {
    const rows = await rowsById<DeliveryRow>(this.#clickhouse, DELIVERIES_BY_ID, 'deliveryIds', deliveryIds);
    return rows.map((row) => ({
      ...row,
      nextAttemptAt: row.nextAttemptAt === null ? null : epochMs(row.nextAttemptAt),
    }));
  }
}
