/** What fan-out reads: what destinations hold, and the revisions that told them. */
import type { ConversionDecided } from '@tributary/contracts';
import type { DeliveryEnd, DeliveryKind, Holding, Money, OutwardValue, State } from '@tributary/domain';
import { moneyOf } from '@tributary/domain';
import { type ClickhouseConnection, loadQuery } from './connection.ts';
import { DecisionRecords, type RecordRow } from './decision-records.ts';
import { epochMs } from './event-rows.ts';
import { JoinedLookup } from './joined-questions.ts';
import { rowsById } from './rows-by-id.ts';
import type { SchemaIds } from './undecoded-store.ts';

/** A holding as the log's latest record about it says. */
export interface StoredHolding extends Omit<Holding, 'told'> {
  readonly holdingId: string;
  readonly conversionId: string;
  readonly destinationId: string;
  /** Name under which the receiver knows it. */
  readonly event: string;
  /** The latest delivery about it. */
  readonly deliveryId: string;
  /** Null in rows of before it was kept: it is what the revision says. */
  readonly told: OutwardValue | null;
  /** When the next attempt is due, epoch ms; null unless the outcome is retry. */
  readonly nextAttemptAt: number | null;
  /** The request of that record; null before there is one. */
  readonly requestId: string | null;
  /** When that request began, epoch ms; null before there is one. */
  readonly startedAt: number | null;
  /** The request by which the receiver came to hold `held`; null before one was delivered. */
  readonly heldBy: string | null;
}

type ValueColumns<Which extends 'told' | 'held'> = {
  readonly [C in
    | `${Which}State`
    | `${Which}RevenueMicros`
    | `${Which}RevenueCurrency`
    | `${Which}PayoutMicros`
    | `${Which}PayoutCurrency`]: string | null;
};

interface HoldingRow extends ValueColumns<'told'>, ValueColumns<'held'> {
  readonly holdingId: string;
  readonly conversionId: string;
  readonly destinationId: string;
  readonly event: string;
  readonly deliveryId: string;
  readonly kind: DeliveryKind;
  readonly revision: number;
  readonly attempt: number;
  readonly tries: number;
  readonly phase: 'intended' | 'ended';
  readonly outcome: DeliveryEnd | 'retry' | null;
  readonly nextAttemptAt: string | null;
  readonly mayHaveArrived: boolean;
  readonly repeatedFor: number;
  readonly eventRevision: number | null;
  readonly requestId: string;
  readonly startedAt: string;
  readonly heldBy: string | null;
}

const COLUMNS = [
  'holdingId',
  'conversionId',
  'destinationId',
  'event',
  'deliveryId',
  'kind',
  'revision',
  'attempt',
  'tries',
  'phase',
  'outcome',
  'nextAttemptAt',
  'mayHaveArrived',
  'repeatedFor',
  'eventRevision',
  'requestId',
  'startedAt',
  'heldBy',
  ...['told', 'held'].flatMap((which) =>
    ['State', 'RevenueMicros', 'RevenueCurrency', 'PayoutMicros', 'PayoutCurrency'].map(
      (what) => which + what,
    ),
  ),
];
const HOLDINGS = loadQuery('holdings-of-conversions').replace('{{columns}}', COLUMNS.join(', '));
const NEWEST_REVISIONS = loadQuery('newest-revisions');
const DECISIONS = loadQuery('decisions-by-id');

/** What has waited already waits for others of its kind, to be asked about together; what is new waits for nobody. */
export type HoldingsUrgency = 'new' | 'waited';

/** A look-up costs ClickHouse some 5 ms of processor time however few ids it has: under load they are to have many. */
const ASK_EVERY_MS = 50;

interface NewestRow {
  readonly conversionId: string;
  readonly revision: number;
}

/** Questions of many batches and steps at once are joined. */
export class DeliveryStore {
  readonly #holdings: JoinedLookup<HoldingRow>;
  readonly #holdingsOfWaiting: JoinedLookup<HoldingRow>;
  readonly #newest: JoinedLookup<NewestRow>;
  readonly #revisions: JoinedLookup<ConversionDecided>;

  constructor(clickhouse: Pick<ClickhouseConnection, 'rows'>, schemas?: SchemaIds) {
    const decisions = new DecisionRecords(schemas);
    const rowsOf = <Row>(sql: string, ids: readonly string[]) =>
      rowsById<Row>(clickhouse, sql, 'conversionIds', ids);
    const joined = <Row extends { readonly conversionId: string }>(
      found: (ids: readonly string[]) => Promise<readonly Row[]>,
    ) => new JoinedLookup(found, conversionIdOf, ASK_EVERY_MS);
    const holdings = (ids: readonly string[]) => rowsOf<HoldingRow>(HOLDINGS, ids);
    this.#holdings = new JoinedLookup(holdings, conversionIdOf);
    this.#holdingsOfWaiting = joined(holdings);
    this.#newest = joined((ids) => rowsOf<NewestRow>(NEWEST_REVISIONS, ids));
    this.#revisions = joined(async (ids) => decisions.revisionsIn(await rowsOf<RecordRow>(DECISIONS, ids)));
  }

  /**
   * Everything held, or attempted, of these conversions.
   * @throws DependencyFailure
   */
  async holdingsOf(
    conversionIds: readonly string[],
    urgency: HoldingsUrgency = 'new',
  ): Promise<readonly StoredHolding[]> {
    const lookup = urgency === 'waited' ? this.#holdingsOfWaiting : this.#holdings;
    const rows = await lookup.rowsOf(conversionIds);
    return rows.map(holdingOf);
  }

  /** By conversion, where one has been stored. @throws DependencyFailure */
  async newestRevisions(conversionIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#newest.rowsOf(conversionIds);
    return new Map(rows.map(({ conversionId, revision }) => [conversionId, revision]));
  }

  /** Every revision of these conversions that is stored, by conversion and in their order. @throws DependencyFailure */
  async revisionsOf(
    conversionIds: readonly string[],
  ): Promise<ReadonlyMap<string, readonly ConversionDecided[]>> {
    return Map.groupBy(await this.#revisions.rowsOf([...new Set(conversionIds)]), conversionIdOf);
  }

  /** The revision as it was decided; undefined while it is not stored. @throws DependencyFailure */
  async decidedRevision(conversionId: string, revision: number): Promise<ConversionDecided | undefined> {
    const revisions = (await this.revisionsOf([conversionId])).get(conversionId);
    return revisions?.find((decided) => decided.revision === revision);
  }
}

function conversionIdOf({ conversionId }: { readonly conversionId: string }): string {
  return conversionId;
}

function holdingOf(row: HoldingRow): StoredHolding {
  const {
    toldState,
    toldRevenueMicros,
    toldRevenueCurrency,
    toldPayoutMicros,
    toldPayoutCurrency,
    heldState,
    heldRevenueMicros,
    heldRevenueCurrency,
    heldPayoutMicros,
    heldPayoutCurrency,
    nextAttemptAt,
    startedAt,
    ...holding
  } = row;
  return {
    ...holding,
    nextAttemptAt: nextAttemptAt === null ? null : epochMs(nextAttemptAt),
    startedAt: epochMs(startedAt),
    told: outwardValue(
      toldState,
      [toldRevenueMicros, toldRevenueCurrency],
      [toldPayoutMicros, toldPayoutCurrency],
    ),
    held: outwardValue(
      heldState,
      [heldRevenueMicros, heldRevenueCurrency],
      [heldPayoutMicros, heldPayoutCurrency],
    ),
  };
}

type AmountColumns = readonly [micros: string | null, currency: string | null];

function outwardValue(
  state: string | null,
  revenue: AmountColumns,
  payout: AmountColumns,
): OutwardValue | null {
  if (state === null) return null;
  return { amounts: { revenue: amountOf(revenue), payout: amountOf(payout) }, state: state as State };
}

function amountOf([micros, currency]: AmountColumns): Money | null {
  return moneyOf(micros === null ? null : BigInt(micros), currency);
}
