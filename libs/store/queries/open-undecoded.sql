-- Records not decoded yet, in log order from a place on. Cut where the values exceed the bytes, but never before the first.
SELECT topic, recordPartition, toInt64(recordOffset) AS recordOffset, hex(key) AS key, hex(value) AS value, toUnixTimestamp64Milli(seenAt) AS seenAt
FROM (
  SELECT *, sum(length(value)) OVER (ORDER BY topic, recordPartition, recordOffset) - length(value) AS bytesBefore
  FROM (
    SELECT topic, recordPartition, recordOffset, key, value, seenAt
    FROM open_undecoded_records
    WHERE (topic, recordPartition, recordOffset) >= ({topic:String}, {partition:UInt16}, {offset:UInt64})
    ORDER BY topic, recordPartition, recordOffset
    LIMIT {limit:UInt32}
  )
)
WHERE bytesBefore < {bytes:UInt64}
ORDER BY topic, recordPartition, recordOffset
