/** What attribution reads from ClickHouse: everything known under the keys of its decision core, and what waits. */
import type { ConversionDecided } from '@tributary/contracts';
import { attribution, type CapUse } from '@tributary/domain';
import { type ClickhouseConnection, loadQuery } from './connection.ts';
import { DecisionRecords, type RecordRow } from './decision-records.ts';
import { eventTexts } from './event-rows.ts';
import { type HashedKind, keyHash } from './key-hash.ts';
import { IDS_AT_ONCE, rowsById } from './rows-by-id.ts';
import type { SchemaIds } from './undecoded-store.ts';

/** A verdict with the place of the postback that it judged, in postback.received. */
export interface StoredJudgement extends attribution.Judgement {
  readonly place: attribution.Position;
}

/** What ClickHouse knows under some keys of the decision core. */
export interface StoredFacts {
  readonly judgements: readonly StoredJudgement[];
  /** The latest revision of each conversion asked for by id or found under a key; each once, and now and then one more. */
  readonly conversions: readonly ConversionDecided[];
  /** As the conversions. */
  readonly clicks: readonly attribution.CandidateClick[];
  /** Of counters that were ever used. */
  readonly capUses: readonly attribution.Counter<CapUse>[];
  readonly tierUses: readonly attribution.Counter<attribution.TierUse>[];
}

/** Where a click stands in the order in which they were stored; those of one insertion have one instant. */
export interface StoredPlace {
  /** Epoch milliseconds by ClickHouse's clock. */
  readonly storedAt: number;
  readonly clickId: string;
}

/** A click that tells whose it is. */
export interface PersonClick extends StoredPlace {
  readonly advertiserId: string;
}

interface ClickRow {
  readonly record: string;
}

interface JudgementRow extends attribution.Judgement {
  readonly triggerPartition: number;
  readonly triggerOffset: string;
}

/** What attribution reads of a click; the feed of click_states writes these. */
export const CLICK_FIELDS = [
  'clickId',
  'kind',
  'advertiserId',
  'offerId',
  'campaignId',
  'partnerId',
  'partnerClickId',
  'clickedAt',
  'receivedAt',
  'customerId',
  'subjectHashes',
  'subIds',
  'adPlatformIds',
  'landingUrl',
  'userAgent',
  'country',
  'ipCiphertext',
  'automation',
  'isTest',
] as const;
const clickOf = eventTexts('click.recorded.v1', CLICK_FIELDS);

const CAP_USES = loadQuery('cap-uses');
const CLICKS_BY_KEY = loadQuery('clicks-by-key');
const CONTENT_DIGESTS = loadQuery('content-digests');
const CONVERSIONS_BY_KEY = loadQuery('conversions-by-key');
const JUDGEMENTS = loadQuery('judgements');
const PERSON_CLICKS = loadQuery('person-clicks');
const TIER_USES = loadQuery('tier-uses');
const WAITING_CONVERSIONS = loadQuery('waiting-conversions');

/** As one parameter can hold: a hash is half as long as a UUID with its quotes. */
const HASHES_AT_ONCE = 4_000;

export class FactsStore {
  readonly #clickhouse: Pick<ClickhouseConnection, 'rows'>;
  readonly #decisions: DecisionRecords;

  constructor(clickhouse: Pick<ClickhouseConnection, 'rows'>, schemas?: SchemaIds) {
    this.#clickhouse = clickhouse;
    this.#decisions = new DecisionRecords(schemas);
  }

  /** Everything known under the keys, asked for at once; a kind without keys asks nothing. @throws DependencyFailure */
  async load(keys: attribution.Keys): Promise<StoredFacts> {
    const [judgements, conversions, clicks, capUses, tierUses] = await Promise.all([
      this.#judgements([...keys.receipt]),
      this.#conversions([
        ...hashes('conversion', keys.conversion),
        ...hashes('transaction', keys.transaction),
        ...hashes('customer', keys.customer),
        ...hashes('click', keys.clickNamed),
        ...hashes('subject', keys.subject),
      ]),
      this.#clicks(
        [...keys.click],
        [...hashes('customer', keys.clicksOfCustomer), ...hashes('subject', keys.clicksOfSubject)],
      ),
      this.#capUses(keys.capUse),
      this.#tierUses(keys.tierUse),
    ]);
    return { judgements, conversions, clicks, capUses, tierUses };
  }

  /**
   * The latest revisions that wait, of lanes in these partitions of postback.received: for a click or an original, or held
   * up to a deadline. @throws DependencyFailure
   */
  async waiting(partitions: readonly number[]): Promise<readonly ConversionDecided[]> {
    if (partitions.length === 0) return [];
    const rows = await this.#clickhouse.rows<RecordRow>(WAITING_CONVERSIONS, { partitions });
    return (await this.#decisions.latestIn(rows)).filter(isWaiting);
  }

  /** At most `limit` clicks of these advertisers that tell whose they are, the first after a place. @throws DependencyFailure */
  async personClicks(
    advertiserIds: readonly string[],
    after: StoredPlace,
    limit: number,
  ): Promise<readonly PersonClick[]> {
    const rows = await this.#clickhouse.rows<{ clickId: string; advertiserId: string; storedAtMs: string }>(
      PERSON_CLICKS,
      { advertiserIds, ...after, limit },
    );
    return rows.map(({ storedAtMs, ...click }) => ({ ...click, storedAt: Number(storedAtMs) }));
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

  /** The clicks that exist among `clickIds` (UUIDs). @throws DependencyFailure */
  clicksById(clickIds: readonly string[]): Promise<readonly attribution.CandidateClick[]> {
    return this.#clicks(clickIds, []);
  }

  async #judgements(receiptIds: readonly string[]): Promise<readonly StoredJudgement[]> {
    const rows = await rowsById<JudgementRow>(this.#clickhouse, JUDGEMENTS, 'receiptIds', receiptIds);
    return rows.map(({ triggerPartition, triggerOffset, ...judgement }) => ({
      ...judgement,
      place: { partition: triggerPartition, offset: Number(triggerOffset) },
    }));
  }

  async #conversions(keyHashes: readonly bigint[]): Promise<readonly ConversionDecided[]> {
    const rows = await rowsById<RecordRow>(
      this.#clickhouse,
      CONVERSIONS_BY_KEY,
      'keyHashes',
      keyHashes,
      HASHES_AT_ONCE,
    );
    return this.#decisions.latestIn(rows);
  }

  async #clicks(
    clickIds: readonly string[],
    keyHashes: readonly bigint[],
  ): Promise<readonly attribution.CandidateClick[]> {
    const parts = Math.max(
      Math.ceil(clickIds.length / IDS_AT_ONCE),
      Math.ceil(keyHashes.length / HASHES_AT_ONCE),
    );
    const rows: ClickRow[] = [];
    for (let part = 0; part < parts; part++)
      rows.push(
        ...(await this.#clickhouse.rows<ClickRow>(CLICKS_BY_KEY, {
          clickIds: clickIds.slice(part * IDS_AT_ONCE, (part + 1) * IDS_AT_ONCE),
          keyHashes: keyHashes.slice(part * HASHES_AT_ONCE, (part + 1) * HASHES_AT_ONCE),
        })),
      );
    const clicks = rows.map(({ record }) => clickOf(record));
    // What two parts of the question both found is the same click.
    return [...new Map(clicks.map((click) => [click.clickId, click])).values()];
  }

  async #capUses(counters: ReadonlySet<string>): Promise<readonly attribution.Counter<CapUse>[]> {
    const rows = await this.#counters<{ granted: number; usedMicros: string }>(CAP_USES, 'cap', counters);
    return rows.map(({ key, periodStart, granted, usedMicros }) => ({
      key,
      periodStart,
      use: { count: granted, payoutMicros: BigInt(usedMicros) },
    }));
  }

  async #tierUses(
    counters: ReadonlySet<string>,
  ): Promise<readonly attribution.Counter<attribution.TierUse>[]> {
    const rows = await this.#counters<attribution.TierUse>(TIER_USES, 'tier', counters);
    return rows.map(({ key, periodStart, end, gaps }) => ({ key, periodStart, use: { end, gaps } }));
  }

  async #counters<Row extends object>(
    sql: string,
    kind: HashedKind,
    counters: ReadonlySet<string>,
  ): Promise<readonly (Row & attribution.CounterName)[]> {
    const byHash = new Map([...counters].map((counter) => [keyHash(kind, counter), counter]));
    const rows = await rowsById<Row & { counterHash: string }>(this.#clickhouse, sql, 'counterHashes', [
      ...byHash.keys(),
    ]);
    return rows.map((row) => ({
      ...row,
      ...attribution.counterNameIn(byHash.get(BigInt(row.counterHash)) ?? ''),
    }));
  }
}

function hashes(kind: HashedKind, keys: ReadonlySet<string>): readonly bigint[] {
  return Array.from(keys, (key) => keyHash(kind, key));
}

function isWaiting({ match, state, heldUntil }: ConversionDecided): boolean {
  return match === 'parked' || (state === 'held' && heldUntil !== null);
}
