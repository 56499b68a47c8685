-- Which changes of the configuration stand at the given offsets of its log.
SELECT
  changeId,
  entityType,
  entityId,
  toInt64(recordOffset) AS version,
  toUnixTimestamp64Milli(effectiveFrom) AS effectiveFrom,
  toUnixTimestamp64Milli(recordedAt) AS recordedAt,
  actor
FROM configuration_changes
WHERE recordOffset IN (SELECT arrayJoin({versions:Array(UInt64)}))
ORDER BY recordVersion DESC
LIMIT 1 BY changeId
