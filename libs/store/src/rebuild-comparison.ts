/** Where a table and its rebuilt copy differ while both go on being written: by checksums first, row by row only where these differ. */
import type { ClickhouseConnection } from './connection.ts';

export interface Comparison {
  readonly liveRows: number;
  readonly rebuiltRows: number;
  /** Sum of the rows' hashes, the same for the same rows in any order. */
  readonly liveChecksum: string;
  readonly rebuiltChecksum: string;
  /** Rows that only the rebuilt table has, only the live one, and both but not alike. */
  readonly missing: number;
  readonly vanishing: number;
  readonly changed: number;
  /** The columns in which rows have other values, each with how many rows; of {@link ROWS_EXPLAINED} changed rows at most. */
  readonly changedColumns: readonly ChangedColumn[];
}

export interface ChangedColumn {
  readonly column: string;
  readonly rows: number;
}

interface BucketRow {
  readonly bucket: number;
  readonly liveRows: string;
  readonly rebuiltRows: string;
  readonly liveChecksum: string;
  readonly rebuiltChecksum: string;
}

interface Tables {
  readonly table: string;
  readonly fresh: string;
  readonly sortingKey: string;
  readonly columns: readonly string[];
  readonly differences: string;
}

const BUCKETS = 4_096;
/** Rows of both tables that one query looks at one by one, about 100 bytes of memory each. */
const ROWS_AT_ONCE = 1_000_000;
/** A row that is being written may differ at one look; one that differs at each does so for good. */
const LOOKS = 3;
/** Enough to tell what is behind it. */
const ROWS_EXPLAINED = 1_000;
/** The machine belongs to the readers. */
const MODEST = 'SETTINGS max_threads = 1';

/**
 * Compares by ClickHouse alone, whatever the size.
 * @param settled resolves when all that was read before it was called is in both tables.
 * @throws DependencyFailure
 */
export async function compareTables(
  clickhouse: Pick<ClickhouseConnection, 'rows' | 'run'>,
  tables: Tables,
  settled: () => Promise<void>,
): Promise<Comparison> {
  const { differences } = tables;
  await clickhouse.run(
    `CREATE TABLE ${differences} (look UInt8, rowId UInt64, kind LowCardinality(String)) ENGINE = MergeTree ORDER BY (look, rowId)`,
  );
  const buckets = await clickhouse.rows<BucketRow>(bucketQuery(tables));
  for (const part of partsOf(buckets.filter(isDifferent))) {
    await clickhouse.run(lookQuery(tables, 1, `rowId % ${BUCKETS} IN (${part.join(', ')})`));
  }
  for (let look = 2; look <= LOOKS; look++) {
    await settled();
    const before = `rowId IN (SELECT rowId FROM ${differences} WHERE look = ${look - 1})`;
    await clickhouse.run(lookQuery(tables, look, before));
  }
  const kinds = await clickhouse.rows<{ kind: string; n: string }>(
    `SELECT kind, count() AS n FROM ${differences} WHERE look = ${LOOKS} GROUP BY kind`,
  );
  const countOf = (wanted: string) => Number(kinds.find(({ kind }) => kind === wanted)?.n ?? 0);
  const changed = countOf('changed');
  return {
    ...totalsOf(buckets),
    missing: countOf('missing'),
    vanishing: countOf('vanishing'),
    changed,
    changedColumns: changed === 0 ? [] : await changedColumns(clickhouse, tables),
  };
}

async function changedColumns(
  clickhouse: Pick<ClickhouseConnection, 'rows'>,
  { table, fresh, sortingKey, columns, differences }: Tables,
): Promise<readonly ChangedColumn[]> {
  const changed = `SELECT rowId FROM ${differences} WHERE look = ${LOOKS} AND kind = 'changed' ORDER BY rowId LIMIT ${ROWS_EXPLAINED}`;
  const values = columns.map((column) => `formatRow('RowBinary', \`${column}\`)`).join(', ');
  const valuesIn = (name: string) =>
    `(SELECT cityHash64(${sortingKey}) AS rowId, [${values}] AS values FROM ${name} FINAL WHERE rowId IN (${changed}))`;
  const names = columns.map((column) => `'${column}'`).join(', ');
  const rows = await clickhouse.rows<{ column: string; n: string }>(
    `SELECT arrayJoin(arrayFilter((name, a, b) -> a != b, [${names}], live.values, rebuilt.values)) AS column, count() AS n
    FROM ${valuesIn(table)} AS live INNER JOIN ${valuesIn(fresh)} AS rebuilt USING (rowId)
    GROUP BY column ORDER BY n DESC, column ${MODEST}`,
  );
  return rows.map(({ column, n }) => ({ column, rows: Number(n) }));
}

function rowsOf(table: string, isLive: boolean, sortingKey: string): string {
  // The text of the whole row: hashes of several columns take no notice of which of them is null.
  return `SELECT ${isLive} AS isLive, cityHash64(${sortingKey}) AS rowId, cityHash64(formatRow('RowBinary', *)) AS rowHash FROM ${table} FINAL`;
}

function bothOf({ table, fresh, sortingKey }: Tables): string {
  return `(${rowsOf(table, true, sortingKey)} UNION ALL ${rowsOf(fresh, false, sortingKey)})`;
}

const SIDES = `countIf(isLive) AS liveRows, countIf(NOT isLive) AS rebuiltRows,
  sumIf(rowHash, isLive) AS liveChecksum, sumIf(rowHash, NOT isLive) AS rebuiltChecksum`;

function bucketQuery(tables: Tables): string {
  return `SELECT toUInt16(rowId % ${BUCKETS}) AS bucket, ${SIDES} FROM ${bothOf(tables)} GROUP BY bucket ${MODEST}`;
}

function lookQuery(tables: Tables, look: number, condition: string): string {
  return `INSERT INTO ${tables.differences}
SELECT ${look}, rowId, multiIf(liveRows = 0, 'missing', rebuiltRows = 0, 'vanishing', 'changed')
FROM (
  SELECT rowId, ${SIDES}
  FROM ${bothOf(tables)}
  WHERE ${condition}
  GROUP BY rowId
  HAVING liveRows != rebuiltRows OR liveChecksum != rebuiltChecksum
)
${MODEST}`;
}

function isDifferent(row: BucketRow): boolean {
  return row.liveRows !== row.rebuiltRows || row.liveChecksum !== row.rebuiltChecksum;
}

/** Buckets in parts that one query can look into. */
export function partsOf(
  buckets: readonly Pick<BucketRow, 'bucket' | 'liveRows' | 'rebuiltRows'>[],
): readonly (readonly number[])[] {
  const parts: number[][] = [];
  let rows = Number.POSITIVE_INFINITY;
  for (const { bucket, liveRows, rebuiltRows } of buckets) {
    const more = Number(liveRows) + Number(rebuiltRows);
    if (rows + more > ROWS_AT_ONCE) {
      parts.push([]);
      rows = 0;
    }
    parts.at(-1)?.push(bucket);
    rows += more;
  }
  return parts;
}

export function totalsOf(
  buckets: readonly BucketRow[],
): Pick<Comparison, 'liveRows' | 'rebuiltRows' | 'liveChecksum' | 'rebuiltChecksum'> {
  const sum = (pick: (row: BucketRow) => string) =>
    buckets.reduce((total, row) => total + BigInt(pick(row)), 0n);
  const checksum = (pick: (row: BucketRow) => string) =>
    BigInt.asUintN(64, sum(pick)).toString(16).padStart(16, '0');
  return {
    liveRows: Number(sum((row) => row.liveRows)),
    rebuiltRows: Number(sum((row) => row.rebuiltRows)),
    liveChecksum: checksum((row) => row.liveChecksum),
    rebuiltChecksum: checksum((row) => row.rebuiltChecksum),
  };
}
