/** Adds up the ledgers of several rounds, and says how counts were spread. */
import { type Ledger, type LedgerLine, printLedger } from '../../apps/launcher/src/ledger/ledger.ts';

/** What a scenario hands back: lines for a person, and by how much the ledger was off. */
export interface ScenarioResult {
  readonly lines: readonly string[];
  readonly difference: number;
}

/** One ledger over all rounds, line by line. */
export function totalOf(ledgers: readonly Ledger[]): Ledger {
  const totals = new Map<string, LedgerLine>();
  for (const line of ledgers.flatMap(({ lines }) => lines)) {
    const label = line.label.replace(/ \(\d+ repeated\)$/, '');
    const before = totals.get(label);
    totals.set(label, {
      label,
      expected: before === undefined ? line.expected : added(before.expected, line.expected),
      actual: before === undefined ? line.actual : added(before.actual, line.actual),
      difference: (before?.difference ?? 0) + line.difference,
    });
  }
  const lines = [...totals.values()];
  return { lines, difference: lines.reduce((sum, { difference }) => sum + difference, 0) };
}

/** A scenario's result: its own lines, then the ledger of all its rounds. */
export function resultOf(lines: readonly string[], ledgers: readonly Ledger[]): ScenarioResult {
  const total = totalOf(ledgers);
  return { lines: [...lines, ...printLedger(total).split('\n')], difference: total.difference };
}

/** How much arrived more than once at receivers, under the key it came with before. */
export function repeatsIn(ledgers: readonly Ledger[]): number {
  return ledgers
    .flatMap(({ lines }) => lines)
    .reduce((sum, { label }) => sum + Number(/\((\d+) repeated\)$/.exec(label)?.[1] ?? 0), 0);
}

/** `min 1, median 4, max 9`. */
export function spreadOf(numbers: readonly number[]): string {
  const sorted = [...numbers].sort((left, right) => left - right);
  const median = sorted[Math.floor(sorted.length / 2)];
  return `min ${sorted[0] ?? '–'}, median ${median ?? '–'}, max ${sorted.at(-1) ?? '–'}`;
}

/** Sums of counts, and of money as it is printed: whole micro-units. */
function added(left: number | string, right: number | string): number | string {
  if (typeof left === 'number' && typeof right === 'number') return left + right;
  if (left === '' || right === '') return '';
  return String(BigInt(left) + BigInt(right));
}
