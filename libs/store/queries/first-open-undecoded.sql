SELECT recordPartition, toInt64(min(recordOffset)) AS recordOffset
FROM open_undecoded_records
WHERE topic = {topic:String}
GROUP BY recordPartition
