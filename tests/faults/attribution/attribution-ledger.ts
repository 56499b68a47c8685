/** The ledger of the fault scenarios of attribution: what stands in ClickHouse against what the decision core decides of the same log. */
import type { ClickhouseConnection } from '@tributary/store';
import type { Ledger, LedgerLine } from '../../../apps/launcher/src/ledger/ledger.ts';
import { CAP_LIMITS } from './configuration.ts';
import { type Standing, type Standings, verdictText } from './expected-ledger.ts';

/** What ClickHouse shows, with what only it can show. */
export interface Shown extends Standings {
  /** Conversions whose revisions are not 1, 2, 3 … up to the one that stands. */
  readonly withGaps: readonly string[];
  /** Counters of caps that gave more than they have. */
  readonly exceededCaps: readonly string[];
}

/** A balance with what is wrong, in words. */
export interface ComparedLedger extends Ledger {
  readonly examples: readonly string[];
}

const MAX_EXAMPLES = 20;
const SUMS = ['revenueMicros', 'payoutMicros', 'reversedRevenueMicros', 'reversedPayoutMicros'] as const;

const VERDICTS = 'SELECT toString(receiptId) AS receiptId, verdict FROM receipts FINAL';
const CONVERSIONS = `
  SELECT toString(conversionId) AS conversionId, lane, state, match,
    ifNull(toString(clickId), 'null') AS winner,
    ifNull(toString(originalConversionId), 'null') AS original,
    ifNull(toString(isFirstOfCustomer), 'null') AS isFirstOfCustomer,
    ifNull(toString(revenueMicros), 'null') AS revenueMicros,
    ifNull(toString(payoutMicros), 'null') AS payoutMicros,
    ifNull(toString(reversedRevenueMicros), 'null') AS reversedRevenueMicros,
    ifNull(toString(reversedPayoutMicros), 'null') AS reversedPayoutMicros
  FROM conversions FINAL`;
const WITH_GAPS = `
  SELECT toString(c.conversionId) AS conversionId
  FROM (SELECT conversionId, revision FROM conversions FINAL) AS c
  LEFT JOIN (
    SELECT conversionId, toInt64(count()) AS revisions, min(revision) AS first, max(revision) AS last
    FROM decisions FINAL GROUP BY conversionId
  ) AS d ON c.conversionId = d.conversionId
  WHERE first != 1 OR last != c.revision OR revisions != last`;
const EXCEEDED_CAPS = `
  SELECT place.capId AS capId, place.key AS key, toString(countIf(place.isGranted)) AS granted,
    toString(sum(place.payoutMicros)) AS micros
  FROM conversions FINAL ARRAY JOIN capPlaces AS place
  GROUP BY capId, key, place.periodStart
  HAVING (capId LIKE '%number' AND countIf(place.isGranted) > {count:Int64})
    OR (capId LIKE '%budget' AND sum(place.payoutMicros) > {micros:Int64})`;

/** @throws DependencyFailure */
export async function shownIn(clickhouse: ClickhouseConnection): Promise<Shown> {
  const [verdicts, conversions, gaps, caps] = await Promise.all([
    clickhouse.rows<{ receiptId: string; verdict: string }>(VERDICTS),
    clickhouse.rows<{ conversionId: string } & Standing>(CONVERSIONS),
    clickhouse.rows<{ conversionId: string }>(WITH_GAPS),
    clickhouse.rows<{ key: string; granted: string; micros: string }>(EXCEEDED_CAPS, {
      count: CAP_LIMITS.count,
      micros: CAP_LIMITS.payoutMicros,
    }),
  ]);
  return {
    verdicts: new Map(verdicts.map(({ receiptId, verdict }) => [receiptId, verdictText(verdict)])),
    conversions: new Map(conversions.map(({ conversionId, ...standing }) => [conversionId, standing])),
    withGaps: gaps.map(({ conversionId }) => conversionId),
    exceededCaps: caps.map(({ key, granted, micros }) => `${key}: ${granted} places, ${micros} micro-units`),
  };
}

export function compared(expected: Standings, shown: Shown): ComparedLedger {
  const verdicts = wrongIn(expected.verdicts, shown.verdicts, (a, b) => (a === b ? null : `${a}, not ${b}`));
  const conversions = wrongIn(expected.conversions, shown.conversions, fieldsThatDiffer);
  const lines: readonly LedgerLine[] = [
    lineOf('verdicts', expected.verdicts.size, shown.verdicts.size, verdicts.length),
    lineOf('conversions', expected.conversions.size, shown.conversions.size, conversions.length),
    lineOf('conversions with a gap in their revisions', 0, shown.withGaps.length, shown.withGaps.length),
    lineOf('caps exceeded', 0, shown.exceededCaps.length, shown.exceededCaps.length),
    ...SUMS.map((field) => sumLine(field, expected, shown)),
    ...statesOf(expected).map((state) => stateLine(state, expected, shown)),
  ];
  return {
    lines,
    difference: lines.reduce((sum, { difference }) => sum + difference, 0),
    examples: [
      ...verdicts.map((text) => `verdict of ${text}`),
      ...conversions.map((text) => `conversion ${text}`),
      ...shown.withGaps.map((id) => `gap in the revisions of ${id}`),
      ...shown.exceededCaps.map((text) => `cap ${text}`),
    ].slice(0, MAX_EXAMPLES),
  };
}

/** What is missing, too many or different, in words. */
function wrongIn<V>(
  expected: ReadonlyMap<string, V>,
  shown: ReadonlyMap<string, V>,
  whatDiffers: (expected: V, shown: V) => string | null,
): readonly string[] {
  const wrong: string[] = [];
  for (const [id, value] of expected) {
    const found = shown.get(id);
    const problem = found === undefined ? 'missing' : whatDiffers(value, found);
    if (problem !== null) wrong.push(`${id}: ${problem}`);
  }
  for (const id of shown.keys()) if (!expected.has(id)) wrong.push(`${id}: unknown`);
  return wrong;
}

function fieldsThatDiffer(expected: Standing, shown: Standing): string | null {
  const wrong = Object.keys(expected)
    .filter((field) => expected[field] !== shown[field])
    .map((field) => `${field} ${expected[field]}, not ${shown[field]}`);
  return wrong.length === 0 ? null : wrong.join('; ');
}

/** The difference is one, whatever the amount: the conversions that are off are counted above. */
function sumLine(field: (typeof SUMS)[number], expected: Standings, shown: Standings): LedgerLine {
  const [left, right] = [sumOf(field, expected), sumOf(field, shown)];
  return lineOf(field, String(left), String(right), left === right ? 0 : 1);
}

function sumOf(field: (typeof SUMS)[number], { conversions }: Standings): bigint {
  let sum = 0n;
  for (const standing of conversions.values()) {
    const micros = standing[field] ?? 'null';
    if (micros !== 'null') sum += BigInt(micros);
  }
  return sum;
}

function statesOf({ conversions }: Standings): readonly string[] {
  return [...new Set([...conversions.values()].map(kindOf))].toSorted();
}

function kindOf({ match, state }: Standing): string {
  return `${match}, ${state}`;
}

/** For the reader: what is wrong in it is counted above. */
function stateLine(kind: string, expected: Standings, shown: Standings): LedgerLine {
  const countIn = ({ conversions }: Standings) =>
    [...conversions.values()].filter((standing) => kindOf(standing) === kind).length;
  return lineOf(`  ${kind}`, countIn(expected), countIn(shown), 0);
}

function lineOf(
  label: string,
  expected: number | string,
  actual: number | string,
  difference: number,
): LedgerLine {
  return { label, expected, actual, difference };
}
