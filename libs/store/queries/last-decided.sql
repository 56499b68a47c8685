-- When a revision was last decided in each given partition.
SELECT triggerPartition, toUnixTimestamp64Milli(max(decidedAt)) AS decidedAtMs
FROM conversions
WHERE triggerPartition IN (SELECT arrayJoin({partitions:Array(Int32)}))
GROUP BY triggerPartition
