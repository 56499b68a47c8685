-- Postbacks of a lane in log order, one page of them; of a receipt that came twice the first record.
SELECT {{columns}}, recordPartition, recordOffset
FROM postbacks FINAL
WHERE lane = {lane:String}
  AND recordPartition = {partition:UInt16}
  AND recordOffset >= {firstOffset:UInt64}
  AND recordOffset < {endOffset:UInt64}
ORDER BY recordOffset
LIMIT {limit:UInt32}
