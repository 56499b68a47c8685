-- The latest revision of the conversions asked for by id or found under a key; ordered by version, so unmerged older rows
-- fall away without FINAL. GLOBAL, because on a cluster these are distributed tables.
SELECT record
FROM conversion_states
WHERE conversionId GLOBAL IN (
  SELECT arrayJoin({conversionIds:Array(UUID)})
  UNION ALL
  SELECT conversionId FROM conversion_keys WHERE keyHash IN (SELECT arrayJoin({keyHashes:Array(UInt64)}))
)
ORDER BY recordVersion DESC
LIMIT 1 BY conversionId
