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
  readonly rules: attribution.ReplayRules;
  readonly inForce: attribution.ConfiguredRules;
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
  /** Conversions of the time, tests too, and how many of them came out as the very bytes that stand. */
  readonly conversions: number;
  readonly byteEqual: number;
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
    notReplayed: 0,
    orders: 0,
    ordersOtherwise: 0,
  };
  for (const lane of await store.lanes(period.from, period.to)) {
    const endOffset = Math.max(decidedUntil.get(lane.partition) ?? 0, 0);
    const { rows, postbacks, notReplayed, ordersOtherwise } = await replayLane(
      { ...lane, endOffset },
      options,
      difference,
    );
    await store.insert(
      runId,
      rows.map(({ row }) => row),
      configurationVersion,
    );
    totals.lanes += 1;
    totals.postbacks += postbacks;
    totals.notReplayed += notReplayed;
    totals.ordersOtherwise += ordersOtherwise;
    totals.conversions += rows.length;
    totals.byteEqual += rows.filter(({ isByteEqual }) => isByteEqual).length;
    totals.orders += rows.filter(({ row }) => row.order !== null).length;
  }
  return { ...difference.summary, ...totals };
}

interface DecidedRow {
  readonly row: ScratchRow;
  readonly isByteEqual: boolean;
}

async function replayLane(
  part: LanePart,
  options: ReattributionOptions,
  difference: attribution.Difference,
): Promise<
  { readonly rows: readonly DecidedRow[] } & Pick<RunSummary, 'postbacks' | 'notReplayed' | 'ordersOtherwise'>
> {
  const { rules, inForce, period, asOf } = options;
  const { recorded, counters, live } = await readLane(options, part);
  const { decided } = attribution.replay(recorded, rules, asOf, counters);
  const latest = new Map(recorded.revisions.map((revision) => [revision.conversionId, revision]));
  const rows: DecidedRow[] = [];
  const orders: attribution.PlannedTerms[] = [];
  let notReplayed = 0;
  for (const before of latest.values()) {
    const { receivedAt } = before.facts;
    const after = decided.get(before.conversionId);
    const record = live.get(before.conversionId);
    if (receivedAt < period.from || receivedAt >= period.to) continue;
    if (after === undefined || record === undefined) {
      notReplayed += 1;
      continue;
    }
    const changes = difference.add({ before, after });
    const terms = attribution.termsToOrder({ before, after }, rules);
    if (terms !== null) orders.push({ wanted: after, terms });
    rows.push(rowOf({ before, after }, record, changes, terms));
  }
  const ordersOtherwise = attribution.tryOrders(recorded, counters, inForce, orders, asOf).size;
  return { rows, postbacks: recorded.postbacks.length, notReplayed, ordersOtherwise };
}

function rowOf(
  compared: attribution.Compared,
  live: ConversionDecided,
  changes: readonly string[],
  terms: OfferTerms | null,
): DecidedRow {
  const { before, after } = compared;
  const decided = recordOf(after);
  const record = encodeEvent('conversion.decided.v1', decided);
  const row: ScratchRow = {
    conversionId: after.conversionId,
    lane: after.lane,
    firstOffset: after.facts.position.offset,
    advertiserId: after.advertiserId,
    isTest: after.isTest,
    liveRevision: before.revision,
    changes,
    decided,
    order: terms === null ? null : { terms: attribution.termsText(terms), clickId: after.orders.clickId },
    record,
  };
  return { row, isByteEqual: record.equals(encodeEvent('conversion.decided.v1', live)) };
}
