/** Rows of a query over any number of ids, asked in parts that one request can hold. */
import type { ClickhouseConnection } from './connection.ts';

/**
 * ClickHouse refuses a parameter of more than 128 KiB ("Field value too long", http_max_field_value_size), which is about
 * 3,300 UUIDs with their quotes and commas.
 */
export const IDS_AT_ONCE = 2_000;

/** @param parameter name of the list in `sql`. @param atOnce more than that for ids shorter than UUIDs. @throws DependencyFailure */
export async function rowsById<Row>(
  clickhouse: Pick<ClickhouseConnection, 'rows'>,
  sql: string,
  parameter: string,
  ids: readonly (string | bigint)[],
  atOnce = IDS_AT_ONCE,
): Promise<readonly Row[]> {
  const parts: (readonly Row[])[] = [];
  for (let start = 0; start < ids.length; start += atOnce)
    parts.push(await clickhouse.rows<Row>(sql, { [parameter]: ids.slice(start, start + atOnce) }));
  return parts.flat();
}
