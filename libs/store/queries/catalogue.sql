-- Every object of the database as ClickHouse itself describes it: how it was made, and which views hang on it.
SELECT
  tables.name AS name,
  engine,
  create_table_query AS definition,
  as_select AS query,
  sorting_key AS sortingKey,
  dependencies_table AS views,
  comment,
  ifNull(total_bytes, 0) AS bytes,
  columns.names AS columns
FROM system.tables AS tables
LEFT JOIN (
  SELECT table, arrayMap(column -> column.2, arraySort(groupArray((position, name)))) AS names
  FROM system.columns
  WHERE database = {database:String}
  GROUP BY table
) AS columns ON columns.table = tables.name
WHERE database = {database:String}
ORDER BY name
