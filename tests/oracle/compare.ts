/** Compares the oracle's conversions with decided ones, conversion by conversion, and prints where they differ. */
import type { OracleDatabase } from './database.ts';

const EXAMPLES = 10;

/** Columns of a comparison; those of `conversions`, as far as money and match are concerned. */
export const COMPARED = [
  'match',
  'state',
  'clickId',
  'revenueMicros',
  'payoutMicros',
  'payoutCurrency',
  'reversedRevenueMicros',
  'reversedPayoutMicros',
  'isFirstOfCustomer',
  'credits',
] as const;

interface Example {
  readonly receiptId: string;
  readonly advertiserId: string;
  readonly eventClass: string;
  readonly columns: readonly string[];
  readonly oracle: Readonly<Record<string, unknown>>;
  readonly decided: Readonly<Record<string, unknown>>;
}

/** A table with the columns of `conversions` that are compared; a conversion is known by the receipt that made it. */
export type Decided = 'conversions' | 'oracle_core_conversions';

/** Prints how often each case came up, counts by state, and examples. @returns how many conversions differ. */
export async function compare(database: OracleDatabase, decided: Decided): Promise<number> {
  const difference = await differencesOf(database, decided);
  printCounts(await database.fileRows<Count>('cases.sql'));
  printCounts(await database.rows<Count>(COUNTS));
  if (difference > 0) await printDifferences(database);
  console.log(`difference ${difference}`);
  return difference;
}

/** Leaves the comparison in `oracle_compared`. @returns how many conversions differ. */
export async function differencesOf(database: OracleDatabase, decided: Decided): Promise<number> {
  await database.run('DROP TABLE IF EXISTS oracle_compared');
  await database.run(
    `CREATE TABLE oracle_compared ENGINE = MergeTree ORDER BY receiptId AS ${comparison(decided)}`,
  );
  const [sum] = await database.rows<{ count: string }>(
    'SELECT count() AS count FROM oracle_compared WHERE notEmpty(columns)',
  );
  return Number(sum?.count ?? 0);
}

/** The first conversion that differs, on one line; null when none does. */
export async function firstDifference(database: OracleDatabase): Promise<string | null> {
  const [first] = await database.rows<Example>(
    `SELECT receiptId, advertiserId, eventClass, columns, oracle, decided FROM oracle_compared WHERE notEmpty(columns)
    ORDER BY receiptId LIMIT 1`,
  );
  return first === undefined ? null : `${titleOf(first)}: ${valuesOf(first).join('; ')}`;
}

const COUNTS = `SELECT concat(eventClass, ' ', oracle.match, ' ', oracle.state) AS name, count() AS count
FROM oracle_compared GROUP BY name ORDER BY name`;

interface Count {
  readonly name: string;
  readonly count: string;
}

function printCounts(counts: readonly Count[]): void {
  for (const { name, count } of counts) console.log(`${count.padStart(9)}  ${name}`);
}

async function printDifferences(database: OracleDatabase): Promise<void> {
  const kinds = await database.rows<{
    advertiserId: string;
    eventClass: string;
    columns: string[];
    count: string;
  }>(
    `SELECT advertiserId, eventClass, columns, count() AS count FROM oracle_compared WHERE notEmpty(columns)
    GROUP BY ALL ORDER BY count() DESC LIMIT 40`,
  );
  for (const kind of kinds)
    console.log(
      `${kind.count.padStart(9)}  differ at ${kind.advertiserId}, ${kind.eventClass}: ${kind.columns.join(', ')}`,
    );
  const examples = await database.rows<Example>(
    `SELECT receiptId, advertiserId, eventClass, columns, oracle, decided FROM oracle_compared WHERE notEmpty(columns)
    ORDER BY receiptId LIMIT 1 BY advertiserId, columns LIMIT ${EXAMPLES}`,
  );
  for (const example of examples) {
    console.log(`\n${titleOf(example)}`);
    for (const value of valuesOf(example)) console.log(`  ${value}`);
  }
}

function titleOf({ receiptId, advertiserId, eventClass }: Example): string {
  return `${receiptId}, ${advertiserId}, ${eventClass}`;
}

function valuesOf({ columns, oracle, decided }: Example): readonly string[] {
  return columns.map((column) =>
    column in oracle
      ? `${column}: oracle ${JSON.stringify(oracle[column])}, decided ${JSON.stringify(decided[column])}`
      : column,
  );
}

/** Outer join: what only one side has differs in `presence`. Shares are compared in lowest terms, and in the order of click ids. */
function comparison(decided: Decided): string {
  const differs = COMPARED.map(
    (column) => `if(o.${column} IS NOT DISTINCT FROM d.${column}, '', '${column}')`,
  );
  return `
SELECT
  if(o.isThere, o.receiptId, d.receiptId) AS receiptId,
  if(o.isThere, o.advertiserId, d.advertiserId) AS advertiserId,
  if(o.isThere, o.eventClass, d.eventClass) AS eventClass,
  if(o.isThere AND d.isThere, arrayFilter(column -> column != '', [${differs.join(', ')}]),
    [if(o.isThere, 'only_the_oracle_has_it', 'only_decided')]) AS columns,
  CAST((${COMPARED.map((column) => `o.${column}`).join(', ')}), '${COLUMNS_TYPE}') AS oracle,
  CAST((${COMPARED.map((column) => `d.${column}`).join(', ')}), '${COLUMNS_TYPE}') AS decided
FROM (${side('oracle_conversions')}) AS o
FULL OUTER JOIN (${side(decided)}) AS d ON d.receiptId = o.receiptId`;
}

const COLUMNS_TYPE = `Tuple(match String, state String, clickId String, revenueMicros Nullable(Int64),
  payoutMicros Nullable(Int64), payoutCurrency Nullable(String), reversedRevenueMicros Nullable(Int64),
  reversedPayoutMicros Nullable(Int64), isFirstOfCustomer Nullable(Bool), credits Array(Tuple(String, Int64, Int64)))`;

function side(table: Decided | 'oracle_conversions'): string {
  const isLog = table === 'conversions';
  return `SELECT
  true AS isThere, toString(receiptId) AS receiptId, toString(advertiserId) AS advertiserId, toString(eventClass) AS eventClass,
  toString(match) AS match, toString(state) AS state, ifNull(toString(clickId), '') AS clickId,
  revenueMicros::Nullable(Int64) AS revenueMicros, payoutMicros::Nullable(Int64) AS payoutMicros,
  payoutCurrency::Nullable(String) AS payoutCurrency,
  reversedRevenueMicros::Nullable(Int64) AS reversedRevenueMicros, reversedPayoutMicros::Nullable(Int64) AS reversedPayoutMicros,
  isFirstOfCustomer::Nullable(Bool) AS isFirstOfCustomer,
  arraySort(arrayMap(credit -> (toString(credit.${isLog ? 'clickId' : '1'}),
    toInt64(intDiv(credit.${isLog ? 'numerator' : '2'}, gcd(credit.${isLog ? 'numerator' : '2'}, credit.${isLog ? 'denominator' : '3'}))),
    toInt64(intDiv(credit.${isLog ? 'denominator' : '3'}, gcd(credit.${isLog ? 'numerator' : '2'}, credit.${isLog ? 'denominator' : '3'})))),
    credits)) AS credits
FROM ${table}${isLog ? ' FINAL' : ''}`;
}
