-- The first by the schema id in the bytes; what is not in the wire form is nobody's event, and is left out.
SELECT recordPartition, schemaId, toInt64(min(recordOffset)) AS recordOffset
FROM (
  SELECT recordPartition, recordOffset, reinterpretAsInt32(reverse(substring(value, 2, 4))) AS schemaId
  FROM open_undecoded_records
  WHERE topic = {topic:String} AND length(value) >= 5 AND substring(value, 1, 1) = char(0)
)
GROUP BY recordPartition, schemaId
ORDER BY recordPartition, recordOffset
