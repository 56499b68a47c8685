-- Every record of the conversions that have one of the given keys: which revision one is, its bytes say. GLOBAL, because on a
-- cluster these are distributed tables.
-- One thread: looking the keys up in the index is most of the work and has but one, and such queries come side by side.
SELECT base64Encode(value) AS value, recordOffset
FROM decision_records
WHERE conversionId GLOBAL IN (
  SELECT conversionId FROM conversion_keys WHERE keyHash IN (SELECT arrayJoin({keyHashes:Array(UInt64)}))
)
SETTINGS max_threads = 1
