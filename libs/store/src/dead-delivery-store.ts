/** Deliveries that were given up, and the attempts that led to it. */
import type { DeliveryAttempted } from '@tributary/contracts';
import { type ClickhouseConnection, loadQuery } from './connection.ts';
import { epochMs, eventRows } from './event-rows.ts';

export interface DeadDelivery {
  readonly deadLetterId: string;
  readonly reasonCode: string;
  readonly conversionId: string;
  readonly deliveryId: string;
  readonly destinationId: string;
  /** The attempt by which it ended, counted over all deliveries about the holding. */
  readonly attempt: number;
  /** Epoch ms. */
  readonly deadLetteredAt: number;
}

/** Null asks for nothing. Times are epoch ms, the last one not included. */
export interface DeadDeliveryFilter {
  readonly deadLetterId: string | null;
  readonly destinationId: string | null;
  readonly reasonCode: string | null;
  readonly from: number | null;
  readonly until: number;
}

interface Row extends Omit<DeadDelivery, 'deadLetteredAt'> {
  readonly deadLetteredAt: string;
}

/** Before every id. */
const NIL = '00000000-0000-0000-0000-000000000000';
const attempts = eventRows('delivery.attempted.v1');
const DEAD = loadQuery('dead-deliveries');
const ATTEMPTS = loadQuery('attempts-of-conversion').replace('{{columns}}', attempts.columns);

export class DeadDeliveryStore {
  readonly #clickhouse: Pick<ClickhouseConnection, 'rows'>;

  constructor(clickhouse: Pick<ClickhouseConnection, 'rows'>) {
    this.#clickhouse = clickhouse;
  }

  /**
   * At most `limit` behind an id; ids have an order of their own, that says nothing else.
   * @param afterId null: from the first on. @throws DependencyFailure
   */
  async deadDeliveries(
    filter: DeadDeliveryFilter,
    afterId: string | null,
    limit: number,
  ): Promise<readonly DeadDelivery[]> {
    const rows = await this.#clickhouse.rows<Row>(DEAD, {
      afterId: afterId ?? NIL,
      deadLetterIds: filter.deadLetterId === null ? [] : [filter.deadLetterId],
      destinationId: filter.destinationId ?? '',
      reasonCode: filter.reasonCode ?? '',
      from: filter.from ?? 0,
      until: filter.until,
      limit,
    });
    return rows.map((row) => ({ ...row, deadLetteredAt: epochMs(row.deadLetteredAt) }));
  }

  /** Both facts of every request that carried the conversion, the earliest first. @throws DependencyFailure */
  async attemptsOf(conversionId: string): Promise<readonly DeliveryAttempted[]> {
    const rows = await this.#clickhouse.rows<Readonly<Record<string, unknown>>>(ATTEMPTS, { conversionId });
    return rows.map(attempts.toEvent).toSorted((a, b) => a.startedAt - b.startedAt);
  }
}
