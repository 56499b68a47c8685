-- The lanes that received postbacks in a period, with the place in the log of the first one received since its beginning.
SELECT lane, recordPartition AS partition, toInt64(min(recordOffset)) AS firstOffset
FROM postbacks
WHERE receivedAt >= fromUnixTimestamp64Milli({from:Int64})
GROUP BY lane, partition
HAVING countIf(receivedAt < fromUnixTimestamp64Milli({to:Int64})) > 0
ORDER BY lane, partition
