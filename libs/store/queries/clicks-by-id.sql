-- Clicks among the given ids. No FINAL: a click recorded twice is the same click, LIMIT 1 BY keeps one.
SELECT {{columns}}
FROM clicks
WHERE UUIDToNum(clickId) IN (SELECT UUIDToNum(arrayJoin({clickIds:Array(UUID)})))
LIMIT 1 BY clickId
