/** The oracle: the conversions of a log, computed in SQL from the raw topics' tables and the terms alone. */
import type { Configuration } from '@tributary/configuration';
import type { OracleDatabase } from './database.ts';
import { termsRows } from './terms-tables.ts';

/** Each step reads the tables of those before it. */
const STEPS = [
  '00_clicks.sql',
  '01_reports.sql',
  '02_facts.sql',
  '03_named.sql',
  '04_matches.sql',
  '05_states.sql',
  '06_payouts.sql',
  '07_conversions.sql',
];

/**
 * Reads `postbacks` and `clicks`, leaves the conversions in `oracle_conversions`.
 *
 * @param log the terms, and the instant up to which deadlines have passed.
 */
export async function consultOracle(
  database: OracleDatabase,
  { configuration, now }: { readonly configuration: Configuration; readonly now: number },
  report: (text: string) => void,
): Promise<void> {
  await database.runFile('terms.sql');
  for (const [table, rows] of Object.entries(termsRows(configuration))) await database.insert(table, rows);
  for (const step of STEPS) {
    const startedAt = performance.now();
    await database.runFile(step, { now });
    report(`${step} in ${Math.round(performance.now() - startedAt)} ms`);
  }
}
