/** What a run has found, as lines for a person. */
import { attribution, formatUnits } from '@tributary/domain';
import type { RunSummary } from './reattribution.ts';

/** Amounts in units of their currency. */
export function differenceLines(summary: RunSummary, hasOtherRules: boolean): readonly string[] {
  const { lanes, postbacks, conversions, byteEqual, refused, notReplayed, compared, changed, byKind } =
    summary;
  const kinds = attribution.CHANGE_KINDS.map((kind) => `${kind} ${byKind[kind]}`).join(', ');
  return [
    `replayed: ${postbacks} postbacks of ${lanes} lanes; ${conversions} conversions of the time, ${conversions - refused - compared} of them tests`,
    `by the same rules byte-equal to what stands: ${byteEqual} of ${conversions}`,
    ...(refused === 0
      ? []
      : [`REFUSED: ${refused} conversions that the same rules decide otherwise than they stand`]),
    ...(notReplayed === 0
      ? []
      : [`NOT REPLAYED: ${notReplayed} conversions whose postbacks ClickHouse does not show`]),
    ...(hasOtherRules || byteEqual === conversions
      ? []
      : ['THE SAME RULES LED TO OTHER DECISIONS: see docs/runbooks/reattribute.md']),
    `conversions changed: ${changed} (${kinds})`,
    ...(changed === 0 ? [] : changedLines(summary)),
  ];
}

function changedLines({ moved, unbalanced, partners, examples, ...ordered }: RunSummary): readonly string[] {
  return [
    '',
    ...table([
      ['measure', 'currency', 'partner', 'before', 'after', 'moved', 'by other rules'],
      ...partners.map(({ measure, currency, partnerId, before, after, moved: ofOthers }) => [
        measure,
        currency,
        partnerId ?? '(nobody)',
        formatUnits(before),
        formatUnits(after),
        formatUnits(ofOthers),
        formatUnits(after - before - ofOthers),
      ]),
    ]),
    '',
    ...movedLines(partners),
    `conversions that moved between partners: ${moved}; of them not summing to zero: ${unbalanced}`,
    '',
    'examples:',
    ...examples.flatMap(exampleLines),
    '',
    `an order can bring it about for ${ordered.orders} of them; reversals follow their original`,
    ...(ordered.ordersOtherwise === 0
      ? []
      : [`OF THESE ORDERS ${ordered.ordersOtherwise} COME OUT OTHERWISE: see docs/runbooks/reattribute.md`]),
  ];
}

/** The moved column in all, which is zero. */
function movedLines(partners: RunSummary['partners']): readonly string[] {
  const sums = Map.groupBy(partners, ({ measure, currency }) => `${measure} ${currency}`);
  return [...sums].map(([name, rows]) => {
    const total = rows.reduce((sum, { moved }) => sum + moved, 0n);
    return `moved in all, ${name}: ${formatUnits(total)}`;
  });
}

function exampleLines(compared: attribution.Compared): readonly string[] {
  const { before, after } = compared;
  const { eventType } = before.outcome;
  return [
    `  ${before.conversionId} ${eventType}, ${before.lane}: ${attribution.changesOf(compared).join(', ')}`,
    `    before  ${outcomeText(before)}`,
    `    after   ${outcomeText(after)}`,
  ];
}

function outcomeText({ outcome }: attribution.Conversion): string {
  const { match, state, payout, credits } = outcome;
  const owed = payout === null ? 'no payout' : `${formatUnits(payout.micros)} ${payout.currency}`;
  const shares = credits.map(
    ({ partnerId, numerator, denominator }) => `${partnerId ?? '(nobody)'} ${numerator}/${denominator}`,
  );
  return `${match}, ${state}, ${owed}${shares.length === 0 ? '' : `: ${shares.join(', ')}`}`;
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column < 3 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}
