/** What the pipeline says became of a journal: rows of ClickHouse, and the sandbox's own record of what reached it. */
import type { ClickhouseConnection } from '@tributary/store';
import { DEMO } from '../demo/demo-configuration.ts';
import type { Journal } from '../demo/journal.ts';

export interface ConversionRow {
  readonly conversionId: string;
  readonly match: string;
  readonly state: string;
  readonly revenueMicros: string | null;
  readonly payoutMicros: string | null;
}

export interface VerdictRow {
  readonly receiptId: string;
  readonly verdict: string;
  readonly conversionId: string | null;
}

export interface DeliveryRow {
  readonly deliveryId: string;
  readonly conversionId: string;
  readonly destinationId: string;
  readonly phase: string;
  readonly outcome: string | null;
}

/** One event that reached a receiver of the sandbox. */
export interface ArrivedEvent {
  readonly destinationId: string;
  /** Conversion id at the partner, delivery id at the platform. */
  readonly key: string;
  /** Amount as sent, in units. */
  readonly value: string | null;
}

export interface ReadSide {
  readonly clickIds: readonly string[];
  /** Every click of the campaign since the journal began. */
  readonly clicksSince: number;
  readonly receiptIds: readonly string[];
  readonly postbacksSince: number;
  readonly refusals: ReadonlyMap<string, string>;
  readonly refusalsSince: number;
  readonly verdicts: readonly VerdictRow[];
  /** Every conversion of the advertiser since the journal began. */
  readonly conversions: readonly ConversionRow[];
  readonly deliveries: readonly DeliveryRow[];
  readonly arrived: readonly ArrivedEvent[];
  readonly undecoded: number;
}

export async function readSide(
  journal: Journal,
  clickhouse: ClickhouseConnection,
  sandboxUrl: string,
): Promise<ReadSide> {
  const since = { since: journal.startedAt, sources: journal.sourceIds, advertiser: DEMO.advertiserId };
  const rows = <Row>(sql: string, parameters: Readonly<Record<string, unknown>> = {}) =>
    clickhouse.rows<Row>(sql, { ...since, ...parameters });
  const [clicks, clicksSince, postbacks, refusals, verdicts, conversions, deliveries, undecoded, arrived] =
    await Promise.all([
      rows<{ clickId: string }>(
        'SELECT clickId FROM clicks FINAL WHERE clickId IN (SELECT arrayJoin({ids:Array(UUID)}))',
        {
          ids: [...journal.clickIds],
        },
      ),
      rows<{ n: string }>(
        'SELECT count() AS n FROM clicks FINAL WHERE advertiserId = {advertiser:String} AND receivedAt >= fromUnixTimestamp64Milli({since:Int64})',
      ),
      rows<{ receiptId: string }>(
        'SELECT receiptId FROM postbacks FINAL WHERE sourceId IN {sources:Array(String)} AND receivedAt >= fromUnixTimestamp64Milli({since:Int64})',
      ),
      rows<{ refusalId: string; reasonCode: string }>(
        'SELECT refusalId, reasonCode FROM refused_postbacks FINAL WHERE sourceId IN {sources:Array(String)} AND receivedAt >= fromUnixTimestamp64Milli({since:Int64})',
      ),
      rows<VerdictRow>(
        'SELECT receiptId, verdict, conversionId FROM receipts FINAL WHERE sourceId IN {sources:Array(String)} AND receivedAt >= fromUnixTimestamp64Milli({since:Int64})',
      ),
      rows<ConversionRow>(
        'SELECT conversionId, match, state, revenueMicros, payoutMicros FROM conversions FINAL WHERE advertiserId = {advertiser:String} AND receivedAt >= fromUnixTimestamp64Milli({since:Int64})',
      ),
      rows<DeliveryRow>(
        'SELECT deliveryId, conversionId, destinationId, phase, outcome FROM deliveries FINAL WHERE conversionId IN (SELECT conversionId FROM conversions FINAL WHERE advertiserId = {advertiser:String} AND receivedAt >= fromUnixTimestamp64Milli({since:Int64}))',
      ),
      rows<{ n: string }>('SELECT count() AS n FROM open_undecoded_records'),
      arrivedEvents(sandboxUrl, journal.startedAt),
    ]);
  return {
    clickIds: clicks.map(({ clickId }) => clickId),
    clicksSince: Number(clicksSince[0]?.n ?? 0),
    receiptIds: postbacks.map(({ receiptId }) => receiptId),
    postbacksSince: postbacks.length,
    refusals: new Map(refusals.map(({ refusalId, reasonCode }) => [refusalId, reasonCode])),
    refusalsSince: refusals.length,
    verdicts,
    conversions,
    deliveries,
    arrived,
    undecoded: Number(undecoded[0]?.n ?? 0),
  };
}

interface ReceivedCall {
  readonly kind: string;
  readonly name: string;
  readonly receivedAt: number;
  readonly accepted: boolean;
  readonly query: readonly (readonly [string, string])[];
  readonly body: string;
}

async function arrivedEvents(sandboxUrl: string, since: number): Promise<readonly ArrivedEvent[]> {
  const response = await fetch(`${sandboxUrl}/admin/received`);
  if (!response.ok) throw new Error(`the sandbox answered ${response.status} to the ledger`);
  const { calls } = (await response.json()) as { calls: readonly ReceivedCall[] };
  return calls.filter(({ accepted, receivedAt }) => accepted && receivedAt >= since).flatMap(eventsOf);
}

function eventsOf({ kind, name, query, body }: ReceivedCall): readonly ArrivedEvent[] {
  if (kind === 'partner' && name === DEMO.partnerReceiver) {
    const parameters = new Map(query);
    const key = parameters.get('conversion') ?? '';
    return [{ destinationId: DEMO.partnerDestinationId, key, value: parameters.get('payout') ?? null }];
  }
  if (kind !== 'meta' || name !== DEMO.pixelId) return [];
  // The number's own text: parsing it as a float would compare rounded values.
  const exact = body.replace(/"value":\s*(-?[\d.]+)/g, '"value":"$1"');
  const { data } = JSON.parse(exact) as {
    data: readonly { event_id: string; custom_data?: { value?: string } }[];
  };
  return data.map((event) => ({
    destinationId: DEMO.metaDestinationId,
    key: event.event_id,
    value: event.custom_data?.value ?? null,
  }));
}
