/** What fan-out reads: where deliveries stand. */
import { type ClickhouseConnection, loadQuery } from './connection.ts';

/** The latest known fact about one delivery. */
export interface StoredDelivery {
  readonly deliveryId: string;
  readonly revision: number;
  readonly attempt: number;
  readonly phase: 'intended' | 'ended';
  readonly outcome: string | null;
  readonly contentDigest: string;
}

const DELIVERIES_BY_ID = loadQuery('deliveries-by-id');

export class DeliveryStore {
  readonly #clickhouse: ClickhouseConnection;

  constructor(clickhouse: ClickhouseConnection) {
    this.#clickhouse = clickhouse;
  }

  /** Those of `deliveryIds` that were ever attempted. @throws DependencyFailure */
  async deliveriesById(deliveryIds: readonly string[]): Promise<readonly StoredDelivery[]> {
    if (deliveryIds.length === 0) return [];
    return this.#clickhouse.rows<StoredDelivery>(DELIVERIES_BY_ID, { deliveryIds });
  }
}
