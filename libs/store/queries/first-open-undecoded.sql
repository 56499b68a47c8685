-- The first by the schema id in the bytes; what is not in the wire form is nobody's event, and is left out.
-- A record that was published again is open until ClickHouse has committed the repeat: the note of it may show before its row.
SELECT recordPartition, schemaId, toInt64(min(recordOffset)) AS recordOffset
FROM (
  SELECT recordPartition, recordOffset, reinterpretAsInt32(reverse(substring(value, 2, 4))) AS schemaId
  FROM (
    SELECT recordPartition, recordOffset, value
    FROM open_undecoded_records
    WHERE topic = {topic:String}
    UNION ALL
    SELECT recordPartition, recordOffset, value
    FROM undecoded_records FINAL
    WHERE topic = {topic:String} AND (topic, recordPartition, recordOffset) GLOBAL IN (
      SELECT topic, recordPartition, recordOffset
      FROM republished_records
      WHERE topic = {topic:String}
        AND toInt64(republishedOffset) >= {read:Map(UInt16, Int64)}[republishedPartition]
    )
  )
  WHERE length(value) >= 5 AND substring(value, 1, 1) = char(0)
)
GROUP BY recordPartition, schemaId
ORDER BY recordPartition, recordOffset
