/** What is on record of one conversion: its revisions, the postbacks and clicks behind them, and what was sent onward. */
import type {
  ClickRecorded,
  ConversionDecided,
  DeliveryAttempted,
  PostbackJudged,
  PostbackReceived,
} from '@tributary/contracts';
import { type ClickhouseConnection, loadQuery } from './connection.ts';
import { DecisionRecords, type RecordRow } from './decision-records.ts';
import { type EventRows, eventRows } from './event-rows.ts';
import { rowsById } from './rows-by-id.ts';
import type { SchemaIds } from './undecoded-store.ts';

/** A receipt whose verdict names the conversion. */
export interface JudgedPostback {
  readonly judged: PostbackJudged;
  /** Null once it has left the store, or while only its verdict shows. */
  readonly postback: PostbackReceived | null;
}

/** As far as ClickHouse shows it: topics come to it each at its own pace. */
export interface ConversionEvidence {
  /** Every revision, the oldest first; at least one. */
  readonly revisions: readonly [ConversionDecided, ...ConversionDecided[]];
  /** In the order they were received. */
  readonly postbacks: readonly JudgedPostback[];
  /** Those of the candidates that were ever considered, as far as they are clicks of ours; in no order. */
  readonly clicks: readonly ClickRecorded[];
  /** What a refund or chargeback takes back, as it stands; null for other conversions. */
  readonly original: ConversionDecided | null;
  /** Refunds and chargebacks of it, as they stand, in the order they occurred. */
  readonly reversals: readonly ConversionDecided[];
  /** Both facts of every request that carried it, in the order they started; a request may carry other conversions too. */
  readonly attempts: readonly DeliveryAttempted[];
}

/** A change of the configuration by its place in the log. */
export interface RecordedChange {
  readonly changeId: string;
  readonly entityType: string;
  readonly entityId: string;
  /** Offset of configuration.changed. */
  readonly version: number;
  /** Epoch ms. */
  readonly effectiveFrom: number;
  /** Epoch ms. */
  readonly recordedAt: number;
  /** Id of the API key that made it. */
  readonly actor: string;
}

interface ChangeRow extends Omit<RecordedChange, 'version' | 'effectiveFrom' | 'recordedAt'> {
  readonly version: string;
  readonly effectiveFrom: string;
  readonly recordedAt: string;
}

type Row = Readonly<Record<string, unknown>>;

const clicks = eventRows('click.recorded.v1');
const postbacks = eventRows('postback.received.v1');
const verdicts = eventRows('postback.judged.v1');
const attempts = eventRows('delivery.attempted.v1');
const DECISIONS = loadQuery('decisions-by-id');
const REVERSALS = loadQuery('reversals-of-conversion');
const VERDICTS = loadQuery('verdicts-of-conversion').replace('{{columns}}', verdicts.columns);
const POSTBACKS_BY_ID = loadQuery('postbacks-by-id').replace('{{columns}}', postbacks.columns);
const CLICKS_BY_ID = loadQuery('clicks-by-id').replace('{{columns}}', clicks.columns);
const ATTEMPTS = loadQuery('attempts-of-conversion').replace('{{columns}}', attempts.columns);
const CHANGES_AT = loadQuery('configuration-changes-at');

/** A candidate may be an id that we never minted. */
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export class EvidenceStore {
  readonly #clickhouse: ClickhouseConnection;
  readonly #decisions: DecisionRecords;

  constructor(clickhouse: ClickhouseConnection, schemas?: SchemaIds) {
    this.#clickhouse = clickhouse;
    this.#decisions = new DecisionRecords(schemas);
  }

  /** Null when there is no conversion with this id (a UUID). @throws DependencyFailure */
  async evidenceOf(conversionId: string): Promise<ConversionEvidence | null> {
    const [first, ...later] = await this.#decisions.revisionsIn(await this.#records([conversionId]));
    if (first === undefined) return null;
    const revisions = [first, ...later] as const;
    const originalId = (later.at(-1) ?? first).originalConversionId;
    const [judgedPostbacks, clicksConsidered, originals, reversals, requests] = await Promise.all([
      this.#postbacksOf(conversionId),
      this.#clicksOf(revisions),
      this.#latest(originalId === null ? [] : [originalId]),
      this.#reversalsOf(conversionId),
      this.#of(attempts, ATTEMPTS, conversionId),
    ]);
    return {
      revisions,
      postbacks: judgedPostbacks,
      clicks: clicksConsidered,
      original: originals[0] ?? null,
      reversals,
      attempts: requests.toSorted(byStart),
    };
  }

  /** The changes at these offsets of configuration.changed that are shown. @throws DependencyFailure */
  async changesAt(versions: readonly number[]): Promise<readonly RecordedChange[]> {
    if (versions.length === 0) return [];
    const rows = await this.#clickhouse.rows<ChangeRow>(CHANGES_AT, { versions });
    return rows.map((row) => ({
      ...row,
      version: Number(row.version),
      effectiveFrom: Number(row.effectiveFrom),
      recordedAt: Number(row.recordedAt),
    }));
  }

  async #of<Event>(
    { toEvent }: EventRows<Event>,
    sql: string,
    conversionId: string,
  ): Promise<readonly Event[]> {
    const rows = await this.#clickhouse.rows<Row>(sql, { conversionId });
    return rows.map(toEvent);
  }

  async #postbacksOf(conversionId: string): Promise<readonly JudgedPostback[]> {
    const judged = await this.#of(verdicts, VERDICTS, conversionId);
    const receiptIds = judged.map(({ receiptId }) => receiptId);
    const rows = await rowsById<Row>(this.#clickhouse, POSTBACKS_BY_ID, 'receiptIds', receiptIds);
    const byId = new Map(rows.map(postbacks.toEvent).map((postback) => [postback.receiptId, postback]));
    return judged
      .toSorted((a, b) => a.receivedAt - b.receivedAt || a.triggerOffset - b.triggerOffset)
      .map((verdict) => ({ judged: verdict, postback: byId.get(verdict.receiptId) ?? null }));
  }

  async #clicksOf(revisions: readonly ConversionDecided[]): Promise<readonly ClickRecorded[]> {
    const candidates = revisions.flatMap((revision) => revision.candidates.map(({ clickId }) => clickId));
    const clickIds = [...new Set(candidates)].filter((clickId) => UUID.test(clickId));
    const rows = await rowsById<Row>(this.#clickhouse, CLICKS_BY_ID, 'clickIds', clickIds);
    return rows.map(clicks.toEvent);
  }

  async #reversalsOf(conversionId: string): Promise<readonly ConversionDecided[]> {
    const rows = await this.#clickhouse.rows<{ conversionId: string }>(REVERSALS, { conversionId });
    const latest = await this.#latest(rows.map((row) => row.conversionId));
    return latest
      .filter(({ originalConversionId }) => originalConversionId === conversionId)
      .toSorted((a, b) => a.occurredAt - b.occurredAt);
  }

  async #latest(conversionIds: readonly string[]): Promise<readonly ConversionDecided[]> {
    return this.#decisions.latestIn(await this.#records(conversionIds));
  }

  #records(conversionIds: readonly string[]): Promise<readonly RecordRow[]> {
    return rowsById<RecordRow>(this.#clickhouse, DECISIONS, 'conversionIds', conversionIds);
  }
}

/** Of one request what was intended goes before how it ended. */
function byStart(a: DeliveryAttempted, b: DeliveryAttempted): number {
  if (a.startedAt !== b.startedAt) return a.startedAt - b.startedAt;
  if (a.requestId !== b.requestId) return a.requestId < b.requestId ? -1 : 1;
  return Number(a.phase === 'ended') - Number(b.phase === 'ended');
}
