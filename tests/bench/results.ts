/** Figures of a benchmark: summed up, printed as a table and written to bench-results/. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';

/** One figure; latencies in milliseconds, `ratio` of the ceiling measured in the same run. */
export interface BenchRow {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly ceiling: number | null;
  readonly ratio: number | null;
}

const RESULTS = resolve(import.meta.dirname, '../../bench-results');

export function median(numbers: readonly number[]): number {
  return quantile(
    numbers.toSorted((a, b) => a - b),
    0.5,
  );
}

/** @param sorted ascending. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export function printTable(rows: readonly BenchRow[]): void {
  console.table(
    Object.fromEntries(
      rows.map(({ name, value, unit, p50Ms, p95Ms, p99Ms, ceiling, ratio }) => [
        name,
        {
          value: `${rounded(value)} ${unit}`,
          'p50 ms': rounded(p50Ms),
          'p95 ms': rounded(p95Ms),
          'p99 ms': rounded(p99Ms),
          ceiling: rounded(ceiling),
          ratio: rounded(ratio),
        },
      ]),
    ),
  );
}

/** @returns the file written. */
export function writeResults(name: string, rows: readonly BenchRow[]): string {
  mkdirSync(RESULTS, { recursive: true });
  const file = join(RESULTS, `${name}.json`);
  const result = { measuredAt: new Date().toISOString(), cores: availableParallelism(), rows };
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  return file;
}

function rounded(value: number | null): string {
  if (value === null) return '';
  return value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
}
