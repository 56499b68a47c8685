-- The clicks asked for by id or found under a key. Of a click that was recorded twice the first record stands.
SELECT record
FROM click_states
WHERE UUIDToNum(clickId) GLOBAL IN (
  SELECT UUIDToNum(arrayJoin({clickIds:Array(UUID)}))
  UNION ALL
  SELECT UUIDToNum(clickId) FROM click_keys WHERE keyHash IN (SELECT arrayJoin({keyHashes:Array(UInt64)}))
)
ORDER BY recordVersion DESC
LIMIT 1 BY clickId
