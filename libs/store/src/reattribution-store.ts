/** What the time machine reads from ClickHouse, lane by lane, and the scratch table of a run, which is all it writes. */
import type { ConversionDecided, PostbackReceived } from '@tributary/contracts';
import { type attribution, type CapUse, isUuid } from '@tributary/domain';
import { type ClickhouseConnection, loadQuery } from './connection.ts';
import { DecisionRecords, type RecordRow } from './decision-records.ts';
import { eventRows } from './event-rows.ts';
import type { SchemaIds } from './undecoded-store.ts';

/** The part of a lane's log that is replayed. */
export interface LanePart {
  readonly lane: string;
  readonly partition: number;
  /** Offsets of postback.received: the first included, the end not. */
  readonly firstOffset: number;
  readonly endOffset: number;
}

const REPORTED = [
  'receiptId',
  'sourceId',
  'lane',
  'advertiserId',
  'receivedAt',
  'occurredAt',
  'occurredAtIsAssumed',
  'eventType',
  'status',
  'clickId',
  'transactionId',
  'originalTransactionId',
  'reversalId',
  'customerId',
  'revenueMicros',
  'currency',
  'taxMicros',
  'shippingMicros',
  'predictedLtvMicros',
  'productId',
  'planId',
  'couponCode',
  'quantity',
  'ipCiphertext',
  'userAgent',
  'country',
  'subIds',
  'extras',
  'subjectHashes',
  'consentAdUserData',
  'consentAdPersonalization',
  'configurationVersion',
  'isTest',
] as const satisfies readonly (keyof PostbackReceived)[];

/** A postback with its place in the log, without the raw call. */
export interface PlacedPostback {
  readonly postback: Pick<PostbackReceived, (typeof REPORTED)[number]>;
  readonly position: attribution.Position;
}

/** One conversion of a run; amounts in micro-units. */
export interface ScratchRow {
  readonly conversionId: string;
  readonly lane: string;
  /** Of its first report in postback.received: conversions stand in log order. */
  readonly firstOffset: number;
  readonly advertiserId: string;
  readonly isTest: boolean;
  /** The revision it was compared with. */
  readonly liveRevision: number;
  /** What has changed; empty for nothing. */
  readonly changes: readonly string[];
  /** The decision in columns, for whoever looks into the table. */
  readonly decided: Pick<
    ConversionDecided,
    | 'eventType'
    | 'occurredAt'
    | 'match'
    | 'state'
    | 'clickId'
    | 'offerId'
    | 'partnerId'
    | 'model'
    | 'credits'
    | 'revenueMicros'
    | 'currency'
    | 'payoutMicros'
    | 'payoutCurrency'
    | 'payoutParts'
  >;
  /** The order that brings the live conversion there; null where none is needed, or none can. */
  readonly order: ScratchOrder | null;
  /** The decision as a conversion.decided record, in the wire form. */
  readonly record: Buffer;
}

export interface ScratchOrder {
  /** Terms as text, and a click that was ordered before and stays. */
  readonly terms: string;
  readonly clickId: string | null;
}

/** An order of a run, and how its conversion stands now. */
export interface PlannedOrder extends ScratchOrder {
  readonly conversionId: string;
  readonly lane: string;
  readonly advertiserId: string;
  readonly isTest: boolean;
  readonly liveRevision: number;
  readonly currentRevision: number;
  readonly configurationVersion: number;
}

const postbacks = eventRows('postback.received.v1', REPORTED);
const LANES = loadQuery('recorded-lanes');
const POSTBACKS = loadQuery('recorded-postbacks').replace('{{columns}}', postbacks.columns);
const REVISIONS = loadQuery('recorded-revisions');
const BEFORE = loadQuery('conversions-before');
const CAP_USES_BEFORE = loadQuery('cap-uses-before');
const TIER_USES_BEFORE = loadQuery('tier-uses-before');

const POSTBACKS_AT_ONCE = 10_000;
const ROWS_AT_ONCE = 1_000;

type Row = Readonly<Record<string, unknown>>;

export class ReattributionStore {
  readonly #clickhouse: ClickhouseConnection;
  readonly #decisions: DecisionRecords;

  constructor(clickhouse: ClickhouseConnection, schemas?: SchemaIds) {
    this.#clickhouse = clickhouse;
    this.#decisions = new DecisionRecords(schemas);
  }

  /** The lanes that received postbacks in the period (epoch ms, `to` not included), from the first on. @throws DependencyFailure */
  async lanes(from: number, to: number): Promise<readonly Omit<LanePart, 'endOffset'>[]> {
    const rows = await this.#clickhouse.rows<{ lane: string; partition: number; firstOffset: string }>(
      LANES,
      {
        from,
        to,
      },
    );
    return rows.map(({ firstOffset, ...rest }) => ({ ...rest, firstOffset: Number(firstOffset) }));
  }

  /** In log order, a page at a time. @throws DependencyFailure */
  async *postbacks(part: LanePart): AsyncGenerator<readonly PlacedPostback[]> {
    for (let firstOffset = part.firstOffset; ; ) {
      const limit = POSTBACKS_AT_ONCE;
      const rows = await this.#clickhouse.rows<Row>(POSTBACKS, { ...part, firstOffset, limit });
      const page = rows.map((row) => ({
        postback: postbacks.toEvent(row),
        position: { partition: Number(row['recordPartition']), offset: Number(row['recordOffset']) },
      }));
      const last = page.at(-1);
      if (last === undefined) return;
      yield page;
      firstOffset = last.position.offset + 1;
    }
  }

  /** Every revision since the part begins; of one conversion in their order. @throws DependencyFailure */
  async revisions(part: LanePart): Promise<readonly ConversionDecided[]> {
    return this.#decisions.revisionsIn(await this.#clickhouse.rows<RecordRow>(REVISIONS, { ...part }));
  }

  /** Conversions as they stood before the part, as far as the part may look at them. @throws DependencyFailure */
  async before(part: LanePart): Promise<readonly ConversionDecided[]> {
    return this.#decisions.latestIn(await this.#clickhouse.rows<RecordRow>(BEFORE, { ...part }));
  }

  /** What caps and tiers had given away before the part. @throws DependencyFailure */
  async counters(part: LanePart): Promise<attribution.Counters> {
    const [caps, tiers] = await Promise.all([
      this.#clickhouse.rows<{ key: string; periodStart: string; granted: number; usedMicros: string }>(
        CAP_USES_BEFORE,
        { ...part },
      ),
      this.#clickhouse.rows<{ key: string; periodStart: string } & attribution.TierUse>(TIER_USES_BEFORE, {
        ...part,
      }),
    ]);
    return {
      capUses: caps.map(({ key, periodStart, granted, usedMicros }) => {
        const use: CapUse = { count: granted, payoutMicros: BigInt(usedMicros) };
        return { key, periodStart: Number(periodStart), use };
      }),
      tierUses: tiers.map(({ key, periodStart, ...use }) => ({
        key,
        periodStart: Number(periodStart),
        use,
      })),
    };
  }

  /** @param about what the run is, for people who find the table. @throws DependencyFailure */
  async create(runId: string, about: string): Promise<void> {
    const comment = about.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
    await this.#clickhouse.run(`CREATE TABLE ${scratchTableOf(runId)} (
      conversionId UUID,
      lane LowCardinality(String),
      firstOffset UInt64,
      advertiserId LowCardinality(String),
      isTest Bool,
      liveRevision Int32,
      changes Array(LowCardinality(String)),
      eventType LowCardinality(String),
      occurredAt DateTime64(3, 'UTC'),
      match LowCardinality(String),
      state LowCardinality(String),
      clickId Nullable(UUID),
      offerId LowCardinality(Nullable(String)),
      partnerId LowCardinality(Nullable(String)),
      model LowCardinality(String),
      credits Array(Tuple(clickId UUID, partnerId Nullable(String), numerator Int32, denominator Int32)),
      revenueMicros Nullable(Int64),
      currency LowCardinality(Nullable(String)),
      payoutMicros Nullable(Int64),
      payoutCurrency LowCardinality(Nullable(String)),
      payoutParts Array(Tuple(clickId UUID, partnerId Nullable(String), micros Int64)),
      orderTerms Nullable(String),
      orderClickId Nullable(UUID),
      configurationVersion Int64,
      record String
    ) ENGINE = MergeTree ORDER BY (lane, firstOffset, conversionId) COMMENT '${comment}'`);
  }

  /** @param configurationVersion that the run was made by. @throws DependencyFailure */
  async insert(runId: string, rows: readonly ScratchRow[], configurationVersion: number): Promise<void> {
    for (let start = 0; start < rows.length; start += ROWS_AT_ONCE)
      await this.#clickhouse.insert(
        scratchTableOf(runId),
        rows.slice(start, start + ROWS_AT_ONCE).map((row) => cellsOf(row, configurationVersion)),
      );
  }

  /**
   * The orders of a run in log order, lane by lane, with the revision at which each conversion stands now.
   * Empty for a run whose every conversion is as it was. @throws DependencyFailure; Error for a run that is not there.
   */
  async orders(runId: string): Promise<readonly PlannedOrder[]> {
    if (!(await this.has(runId))) throw new Error(`there is no run ${runId}`);
    const table = scratchTableOf(runId);
    const rows = await this.#clickhouse.rows<PlannedOrder & { configurationVersion: string }>(
      `SELECT conversionId, lane, advertiserId, isTest, liveRevision, orderTerms AS terms, orderClickId AS clickId,
        configurationVersion, live.revision AS currentRevision
      FROM ${table} AS run
      LEFT JOIN (
        SELECT conversionId, max(revision) AS revision FROM conversions
        WHERE conversionId GLOBAL IN (SELECT conversionId FROM ${table} WHERE isNotNull(orderTerms))
        GROUP BY conversionId
      ) AS live USING (conversionId)
      WHERE isNotNull(orderTerms)
      ORDER BY lane, firstOffset, conversionId`,
    );
    return rows.map((row) => ({ ...row, configurationVersion: Number(row.configurationVersion) }));
  }

  /** @throws DependencyFailure */
  async has(runId: string): Promise<boolean> {
    const rows = await this.#clickhouse.rows(
      'SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = {name:String}',
      { name: scratchTableOf(runId) },
    );
    return rows.length > 0;
  }

  /** @throws DependencyFailure; Error for a run that is not there. */
  async drop(runId: string): Promise<void> {
    if (!(await this.has(runId))) throw new Error(`there is no run ${runId}`);
    await this.#clickhouse.run(`DROP TABLE ${scratchTableOf(runId)} SYNC`);
  }
}

/** Name of the scratch table of a run. @throws Error for what is no id of a run. */
export function scratchTableOf(runId: string): string {
  if (!isUuid(runId)) throw new Error(`${runId} is not the id of a run`);
  return `reattribution_${runId.toLowerCase().replaceAll('-', '')}`;
}

function cellsOf(row: ScratchRow, configurationVersion: number): Row {
  const { decided, order, record, ...rest } = row;
  const { eventType, match, state, clickId, offerId, partnerId, model, credits, currency, payoutCurrency } =
    decided;
  const { occurredAt, payoutParts, revenueMicros, payoutMicros } = decided;
  return {
    ...rest,
    ...{ eventType, match, state, clickId, offerId, partnerId, model, credits, currency, payoutCurrency },
    occurredAt: `${Math.trunc(occurredAt / 1_000)}.${String(occurredAt % 1_000).padStart(3, '0')}`,
    revenueMicros: revenueMicros?.toString() ?? null,
    payoutMicros: payoutMicros?.toString() ?? null,
    payoutParts: payoutParts.map((part) => ({ ...part, micros: String(part.micros) })),
    orderTerms: order?.terms ?? null,
    orderClickId: order?.clickId ?? null,
    configurationVersion,
    record: record.toString('base64'),
  };
}
