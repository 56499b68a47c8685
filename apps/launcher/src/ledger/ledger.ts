/** The ledger: the driver's journal against what the pipeline and the receivers hold, line by line; it balances when every difference is 0. */

import { DEMO } from '../demo/demo-configuration.ts';
import type { ExpectedConversion, Journal } from '../demo/journal.ts';
import { micros } from '../demo/sample.ts';
import type { ArrivedEvent, ConversionRow, ReadSide } from './read-side.ts';

export interface LedgerLine {
  readonly label: string;
  readonly expected: number | string;
  readonly actual: number | string;
  /** How many things are missing, too many or wrong. */
  readonly difference: number;
}

export interface Ledger {
  readonly lines: readonly LedgerLine[];
  readonly difference: number;
}

/** Which conversion the pipeline made of each fact. */
type ConversionByFact = ReadonlyMap<string, ConversionRow>;

export function balance(journal: Journal, side: ReadSide): Ledger {
  const byFact = conversionsByFact(journal, side);
  const lines = [
    clicksLine(journal, side),
    acceptedLine(journal, side),
    ...refusedLines(journal, side),
    ...verdictLines(journal, side),
    ...matchLines(journal, side, byFact),
    ...moneyLines(journal, side, byFact),
    ...deliveryLines(journal, side, byFact),
    line('undecoded', 0, side.undecoded, side.undecoded),
  ];
  return { lines, difference: lines.reduce((sum, { difference }) => sum + difference, 0) };
}

function line(
  label: string,
  expected: number | string,
  actual: number | string,
  difference: number,
): LedgerLine {
  return { label, expected, actual, difference };
}

function clicksLine(journal: Journal, side: ReadSide): LedgerLine {
  const found = countBy(side.clickIds);
  const wrong = sum([...journal.clickIds].map((id) => Math.abs((found.get(id) ?? 0) - 1)));
  const unknown = side.clicksSince - side.clickIds.length;
  return line(
    'clicks',
    journal.clickIds.size,
    side.clickIds.length,
    wrong + Math.max(0, unknown - journal.ambiguousClicks),
  );
}

function acceptedLine(journal: Journal, side: ReadSide): LedgerLine {
  return line(
    'accepted',
    journal.receiptIds.length,
    side.postbacksSince,
    setDifference(journal.receiptIds, side.receiptIds),
  );
}

function refusedLines(journal: Journal, side: ReadSide): readonly LedgerLine[] {
  const reasons = new Set([...journal.refusals.values(), ...side.refusals.values()]);
  return [...reasons].sort().map((reason) => {
    const expected = idsWith(journal.refusals, reason);
    const actual = idsWith(side.refusals, reason);
    return line(`refused ${reason}`, expected.length, actual.length, setDifference(expected, actual));
  });
}

/** Every accepted receipt has exactly one verdict; of the receipts of one fact exactly one made the conversion. */
function verdictLines(journal: Journal, side: ReadSide): readonly LedgerLine[] {
  const judged = side.verdicts.map(({ receiptId }) => receiptId);
  const verdictOf = new Map(side.verdicts.map(({ receiptId, verdict }) => [receiptId, verdict]));
  const created = [...journal.receiptsByFact.values()].map(
    (receipts) =>
      [...receipts].filter((id) => ['counted', 'parked'].includes(verdictOf.get(id) ?? '')).length,
  );
  const tally = countBy(side.verdicts.map(({ verdict }) => verdict));
  return [
    line('verdicts', journal.receiptIds.length, judged.length, setDifference(journal.receiptIds, judged)),
    ...[...tally].sort().map(([verdict, count]) => line(`  ${verdict}`, '', count, 0)),
    line(
      'facts counted once',
      journal.receiptsByFact.size,
      created.filter((n) => n === 1).length,
      sum(created.map((n) => Math.abs(n - 1))),
    ),
  ];
}

function matchLines(journal: Journal, side: ReadSide, byFact: ConversionByFact): readonly LedgerLine[] {
  const unexpected = side.conversions.length - byFact.size;
  const byMatch = (['attributed', 'unattributed'] as const).map((match) => {
    const expected = [...journal.expected.values()].filter((conversion) => conversion.match === match);
    const wrong = expected.filter(({ fact }) => byFact.get(fact)?.match !== match);
    const actual = side.conversions.filter((conversion) => conversion.match === match);
    return line(match, expected.length, actual.length, wrong.length);
  });
  const parked = side.conversions.filter(({ match }) => match === 'parked').length;
  return [
    ...byMatch,
    line('parked', 0, parked, parked),
    line('conversions unexpected', 0, unexpected, Math.abs(unexpected)),
  ];
}

function moneyLines(journal: Journal, side: ReadSide, byFact: ConversionByFact): readonly LedgerLine[] {
  return (['revenueMicros', 'payoutMicros'] as const).map((column) => {
    const expected = [...journal.expected.values()].reduce(
      (total, conversion) => total + (conversion[column] ?? 0n),
      0n,
    );
    const actual = side.conversions.reduce(
      (total, conversion) => total + BigInt(conversion[column] ?? 0),
      0n,
    );
    const wrong = [...journal.expected.values()].filter(
      (conversion) => String(conversion[column]) !== String(byFact.get(conversion.fact)?.[column]),
    );
    return line(`${column} ${DEMO.currency}`, String(expected), String(actual), wrong.length);
  });
}

function deliveryLines(journal: Journal, side: ReadSide, byFact: ConversionByFact): readonly LedgerLine[] {
  const expected = [...journal.expected.values()].flatMap((conversion) =>
    conversion.destinationIds.map((destinationId) => ({ conversion, destinationId })),
  );
  const wanted = new Set(
    expected.map(
      ({ conversion, destinationId }) =>
        `${byFact.get(conversion.fact)?.conversionId ?? conversion.fact} ${destinationId}`,
    ),
  );
  const delivered = side.deliveries.filter(
    ({ phase, outcome }) => phase === 'ended' && outcome === 'delivered',
  );
  const open = side.deliveries.filter(
    ({ phase, outcome }) => phase === 'intended' || outcome === 'retry',
  ).length;
  const dead = side.deliveries.filter(({ outcome }) => outcome === 'dead' || outcome === 'refused').length;
  const names = delivered.map(({ conversionId, destinationId }) => `${conversionId} ${destinationId}`);
  return [
    line('deliveries delivered', wanted.size, delivered.length, setDifference([...wanted], names)),
    line('deliveries open', 0, open, open),
    line('deliveries dead', 0, dead, dead),
    ...[DEMO.partnerDestinationId, DEMO.metaDestinationId].map((destinationId) =>
      arrivedLine(destinationId, expected, side, byFact),
    ),
  ];
}

/** What a receiver itself recorded: each expected event at least once, nothing else, the right amount every time. */
function arrivedLine(
  destinationId: string,
  expected: readonly { conversion: ExpectedConversion; destinationId: string }[],
  side: ReadSide,
  byFact: ConversionByFact,
): LedgerLine {
  const here = side.arrived.filter((event) => event.destinationId === destinationId);
  const valueByKey = new Map<string, bigint | null>();
  for (const { conversion } of expected.filter((each) => each.destinationId === destinationId)) {
    const key = keyAt(destinationId, byFact.get(conversion.fact)?.conversionId ?? conversion.fact, side);
    valueByKey.set(
      key,
      destinationId === DEMO.metaDestinationId ? conversion.revenueMicros : conversion.payoutMicros,
    );
  }
  const keys = new Set(here.map(({ key }) => key));
  const wrongValues = here.filter(
    (event) => valueByKey.has(event.key) && !hasValue(event, valueByKey.get(event.key) ?? null),
  );
  const repeats = here.length - keys.size;
  return line(
    `arrived at ${destinationId}${repeats > 0 ? ` (${repeats} repeated)` : ''}`,
    valueByKey.size,
    keys.size,
    setDifference([...valueByKey.keys()], [...keys]) + wrongValues.length,
  );
}

/** The partner is told the conversion's id, the platform the delivery's. */
function keyAt(destinationId: string, conversionId: string, side: ReadSide): string {
  if (destinationId === DEMO.partnerDestinationId) return conversionId;
  const delivery = side.deliveries.find(
    (each) => each.destinationId === destinationId && each.conversionId === conversionId,
  );
  return delivery?.deliveryId ?? conversionId;
}

function hasValue({ value }: ArrivedEvent, expected: bigint | null): boolean {
  return expected === null ? value === null : value !== null && micros(value) === expected;
}

function conversionsByFact(journal: Journal, side: ReadSide): ConversionByFact {
  const rows = new Map(side.conversions.map((row) => [row.conversionId, row]));
  const conversionOf = new Map(side.verdicts.map(({ receiptId, conversionId }) => [receiptId, conversionId]));
  const byFact = new Map<string, ConversionRow>();
  for (const [fact, receipts] of journal.receiptsByFact) {
    const ids = new Set([...receipts].map((receiptId) => conversionOf.get(receiptId)));
    const [only] = ids;
    const row = ids.size === 1 && only ? rows.get(only) : undefined;
    if (row !== undefined) byFact.set(fact, row);
  }
  return byFact;
}

function idsWith(reasons: ReadonlyMap<string, string>, reason: string): string[] {
  return [...reasons].filter(([, each]) => each === reason).map(([id]) => id);
}

/** How many are missing on either side, and how often one is there more than once. */
function setDifference(expected: readonly string[], actual: readonly string[]): number {
  const wanted = countBy(expected);
  const found = countBy(actual);
  const all = new Set([...wanted.keys(), ...found.keys()]);
  return sum([...all].map((id) => Math.abs((wanted.get(id) ?? 0) - (found.get(id) ?? 0))));
}

function countBy(values: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** The ledger as a table for a terminal; its last line is `difference N`. */
export function printLedger({ lines, difference }: Ledger): string {
  const rows = lines.map(({ label, expected, actual, difference: off }) => {
    const mark = off === 0 ? '' : `  ← ${off}`;
    return `  ${label.padEnd(42)} ${String(expected).padStart(14)} ${String(actual).padStart(14)}${mark}`;
  });
  const head = `  ${'ledger'.padEnd(42)} ${'sent'.padStart(14)} ${'found'.padStart(14)}`;
  return [head, ...rows, `difference ${difference}`].join('\n');
}
