-- Records that the second reading of a topic could not decode, nor a repeat of them, although the first one could.
SELECT count() AS n
FROM (
  SELECT DISTINCT topic, recordPartition, recordOffset
  FROM {undecoded:Identifier}
  WHERE toInt64(recordOffset) < {end:Map(UInt16, Int64)}[recordPartition]
    AND (topic, recordPartition, recordOffset) NOT IN (
      SELECT topic, recordPartition, recordOffset FROM {republished:Identifier}
    )
)
WHERE (topic, recordPartition, recordOffset) NOT IN (
  SELECT topic, recordPartition, recordOffset
  FROM undecoded_records
  WHERE (topic, recordPartition, recordOffset) NOT IN (
    SELECT topic, recordPartition, recordOffset FROM republished_records
  )
)
