/** What attribution reads from ClickHouse for lifecycle signals: which were sent, and which conversions may lead to one soon. */
import type { lifecycle } from '@tributary/domain';
import { type ClickhouseConnection, loadQuery } from './connection.ts';
import { eventRows } from './event-rows.ts';
import { rowsById } from './rows-by-id.ts';

/** A conversion as far as it says by itself when it may become the occasion of a signal. */
export interface PossibleOccasion {
  readonly conversionId: string;
  /** Partition of postback.received its lane belongs to. */
  readonly partition: number;
  readonly advertiserId: string;
  readonly eventClass: string;
  readonly planId: string | null;
  readonly occurredAt: number;
}

export interface OccasionQuestion {
  readonly advertiserIds: readonly string[];
  /** By partition, the instant from which on an occasion is asked for; up to `until`. */
  readonly from: ReadonlyMap<number, number>;
  readonly until: number;
  /** Of all advertisers together. */
  readonly delays: readonly lifecycle.OccasionDelay[];
}

const sentSignals = eventRows('lifecycle.signalled.v1', [
  'signalId',
  'signal',
  'phase',
  'conversionId',
  'ordinal',
  'occurredAt',
  'dueAt',
  'expiresAt',
]);

const SENT_SIGNALS = loadQuery('sent-signals').replace('{{columns}}', sentSignals.columns);
const POSSIBLE_OCCASIONS = loadQuery('possible-occasions');
const LAST_DECIDED = loadQuery('last-decided');

type OccasionRow = Omit<PossibleOccasion, 'partition' | 'occurredAt'> & {
  readonly triggerPartition: number;
  readonly occurredAtMs: string;
};

export class SignalStore {
  readonly #clickhouse: Pick<ClickhouseConnection, 'rows'>;

  constructor(clickhouse: Pick<ClickhouseConnection, 'rows'>) {
    this.#clickhouse = clickhouse;
  }

  /** Those of `signalIds` (UUIDs) that were ever sent. @throws DependencyFailure */
  async sent(signalIds: readonly string[]): Promise<readonly lifecycle.SentSignal[]> {
    const rows = await rowsById<Readonly<Record<string, unknown>>>(
      this.#clickhouse,
      SENT_SIGNALS,
      'signalIds',
      signalIds,
    );
    return rows.map((row) => sentSignals.toEvent(row) as lifecycle.SentSignal);
  }

  /**
   * Every conversion that can become the occasion of a signal at an instant asked about, some more than once, and others
   * beside them: what the plan makes of the period is left to whoever asks. It reads a few columns of all conversions.
   * @throws DependencyFailure
   */
  async possibleOccasions({
    advertiserIds,
    from,
    until,
    delays,
  }: OccasionQuestion): Promise<readonly PossibleOccasion[]> {
    if (advertiserIds.length === 0 || from.size === 0) return [];
    const ofClasses = delays.flatMap(({ eventClass, months, afterMs }) =>
      eventClass === null ? [] : [{ eventClass, months, afterMs }],
    );
    const rows = await this.#clickhouse.rows<OccasionRow>(POSSIBLE_OCCASIONS, {
      advertiserIds,
      partitions: [...from.keys()],
      fromMs: [...from.values()],
      untilMs: until,
      classes: ofClasses.map(({ eventClass }) => eventClass),
      months: ofClasses.map(({ months }) => months),
      afterMs: ofClasses.map(({ afterMs }) => afterMs),
    });
    return rows.map(({ triggerPartition, occurredAtMs, ...row }) => ({
      ...row,
      partition: triggerPartition,
      occurredAt: Number(occurredAtMs),
    }));
  }

  /** When the last revision was decided, by partition; none where there is no conversion. @throws DependencyFailure */
  async lastDecidedAt(partitions: readonly number[]): Promise<ReadonlyMap<number, number>> {
    if (partitions.length === 0) return new Map();
    const rows = await this.#clickhouse.rows<{ triggerPartition: number; decidedAtMs: string }>(
      LAST_DECIDED,
      { partitions },
    );
    return new Map(rows.map(({ triggerPartition, decidedAtMs }) => [triggerPartition, Number(decidedAtMs)]));
  }
}
