-- The latest revision of the conversions that have one of the given keys; ordered by version, so unmerged older rows fall
-- away without FINAL. GLOBAL, because on a cluster these are distributed tables.
-- One thread: looking the keys up in the index is most of the work and has but one, and such queries come side by side.
SELECT record
FROM conversion_states
WHERE conversionId GLOBAL IN (
  SELECT conversionId FROM conversion_keys WHERE keyHash IN (SELECT arrayJoin({keyHashes:Array(UInt64)}))
)
ORDER BY recordVersion DESC
LIMIT 1 BY conversionId
SETTINGS max_threads = 1
