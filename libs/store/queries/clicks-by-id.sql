-- Clicks among the given ids. Of a click that was recorded twice the first record stands, without FINAL.
SELECT {{columns}}
FROM clicks
WHERE UUIDToNum(clickId) IN (SELECT UUIDToNum(arrayJoin({clickIds:Array(UUID)})))
ORDER BY recordVersion DESC
LIMIT 1 BY clickId
