-- The record of every revision of a lane that names a place in this part of its log. GLOBAL, because on a cluster these are
-- distributed tables.
SELECT base64Encode(value) AS value, recordOffset
FROM decision_records
WHERE (conversionId, recordPartition, recordOffset) GLOBAL IN (
  SELECT conversionId, recordPartition, recordOffset
  FROM decisions FINAL
  WHERE lane = {lane:String}
    AND triggerPartition = {partition:Int32}
    AND triggerOffset >= {firstOffset:Int64}
    AND triggerOffset < {endOffset:Int64}
)
