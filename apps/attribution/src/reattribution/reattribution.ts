/** One run of the time machine: every lane of the time is replayed, compared with what stands, and put into the scratch table. */
import { type ConversionDecided, encodeEvent } from '@tributary/contracts';
import { attribution, type OfferTerms } from '@tributary/domain';
import type { LanePart, ReattributionStore, ScratchRow } from '@tributary/store';
import { recordOf } from '../conversion-record.ts';
import { type RecordedLaneStores, readLane } from './recorded-lane.ts';

export interface ReattributionOptions extends RecordedLaneStores {
  readonly store: Pick<
    ReattributionStore,
    'lanes' | 'postbacks' | 'revisions' | 'before' | 'counters' | 'insert'
  >;
  readonly inForce: attribution.RulesByVersion;
  /** What is other than in force; null: the run checks that the same rules decide the same. */
  readonly other: Omit<attribution.ChangedRulesOptions, 'period'> | null;
  /** Conversions that were first reported in it are compared; epoch milliseconds. */
  readonly period: attribution.Period;
  /** Next postback of each partition that attribution has not decided yet: from there on nothing is replayed. */
  readonly decidedUntil: ReadonlyMap<number, number>;
  readonly runId: string;
  readonly configurationVersion: number;
  /** Until when deadlines have passed; epoch milliseconds. */
  readonly asOf: number;
}

export interface RunSummary extends attribution.DifferenceSummary {
  readonly lanes: number;
  readonly postbacks: number;
  /** Conversions of the time, tests too, and how many of them the same rules bring to the very bytes that stand. */
  readonly conversions: number;
  readonly byteEqual: number;
  /**
   * The others, where there are other rules: what these would make of them cannot be told from what the replay does not know.
   * They are neither compared nor ordered.
   */
  readonly refused: number;
  /** Conversions on record that their own postbacks do not lead to any more, such as those that ClickHouse could not decode. */
  readonly notReplayed: number;
  /** Changed conversions that an order can bring to where the run has them. */
  readonly orders: number;
  /** Of these, how many would come out otherwise: they keep the places they have under caps and tiers. */
  readonly ordersOtherwise: number;
}

/** Reads the log and the decisions, writes the scratch table and nothing else. @throws DependencyFailure */
export async function reattribute(options: ReattributionOptions): Promise<RunSummary> {
  const { store, period, decidedUntil, runId, configurationVersion } = options;
  const difference = new attribution.Difference();
  const totals = {
    lanes: 0,
    postbacks: 0,
    conversions: 0,
    byteEqual: 0,
    refused: 0,
    notReplayed: 0,
    orders: 0,
    ordersOtherwise: 0,
  };
  for (const lane of await store.lanes(period.from, period.to)) {
    const endOffset = Math.max(decidedUntil.get(lane.partition) ?? 0, 0);
    const { rows, ...counts } = await replayLane({ ...lane, endOffset }, options, difference);
    await store.insert(runId, rows, configurationVersion);
    totals.lanes += 1;
    for (const [name, count] of Object.entries(counts)) totals[name as keyof LaneCounts] += count;
    totals.orders += rows.filter(({ order }) => order !== null).length;
  }
  return { ...difference.summary, ...totals };
}

type LaneCounts = Pick<
  RunSummary,
  'postbacks' | 'conversions' | 'byteEqual' | 'refused' | 'notReplayed' | 'ordersOtherwise'
>;

async function replayLane(
  part: LanePart,
  options: ReattributionOptions,
  difference: attribution.Difference,
): Promise<LaneCounts & { readonly rows: readonly ScratchRow[] }> {
  const { inForce, other, period, asOf, configurationVersion } = options;
  const { recorded, counters, live } = await readLane(options, part);
  const same = attribution.sameRules(inForce);
  const rules = other === null ? same : attribution.changedRules(inForce, { ...other, period });
  const again = attribution.replay(recorded, same, asOf, counters).decided;
  const decided = other === null ? again : attribution.replay(recorded, rules, asOf, counters).decided;
  const rows: ScratchRow[] = [];
  const orders: attribution.PlannedTerms[] = [];
  const counts = { conversions: 0, byteEqual: 0, refused: 0, notReplayed: 0 };
  for (const before of latestOf(recorded.revisions)) {
    const { conversionId, facts } = before;
    if (facts.receivedAt < period.from || facts.receivedAt >= period.to) continue;
    const bySame = again.get(conversionId);
    const after = decided.get(conversionId);
    const record = live.get(conversionId);
    if (bySame === undefined || after === undefined || record === undefined) {
      counts.notReplayed += 1;
      continue;
    }
    const isByteEqual = bytesOf(recordOf(bySame)).equals(bytesOf(record));
    counts.conversions += 1;
    if (isByteEqual) counts.byteEqual += 1;
    if (!isByteEqual && other !== null) {
      counts.refused += 1;
      continue;
    }
    const changes = difference.add({ before, after });
    const terms = other === null ? null : attribution.termsToOrder({ before, after }, rules);
    if (terms !== null) orders.push({ wanted: after, terms });
    rows.push(rowOf({ before, after }, changes, terms));
  }
  const otherwise = attribution.tryOrders(recorded, counters, inForce(configurationVersion), orders, asOf);
  return { ...counts, rows, postbacks: recorded.postbacks.length, ordersOtherwise: otherwise.size };
}

function latestOf(revisions: readonly attribution.Conversion[]): readonly attribution.Conversion[] {
  return [...new Map(revisions.map((revision) => [revision.conversionId, revision])).values()];
}

function bytesOf(record: ConversionDecided): Buffer {
  return encodeEvent('conversion.decided.v1', record);
}

function rowOf(
  { before, after }: attribution.Compared,
  changes: readonly string[],
  terms: OfferTerms | null,
): ScratchRow {
  const decided = recordOf(after);
  return {
    conversionId: after.conversionId,
    lane: after.lane,
    firstOffset: after.facts.position.offset,
    advertiserId: after.advertiserId,
    isTest: after.isTest,
    liveRevision: before.revision,
    changes,
    decided,
    order: terms === null ? null : { terms: attribution.termsText(terms), clickId: after.orders.clickId },
    record: bytesOf(decided),
  };
}
