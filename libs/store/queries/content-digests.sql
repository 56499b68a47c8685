-- The content digest of the first record of each given receipt; the highest version is the earliest in the log.
SELECT receiptId, contentDigest
FROM postbacks
WHERE receiptId IN (SELECT arrayJoin({receiptIds:Array(UUID)}))
ORDER BY recordVersion DESC
LIMIT 1 BY receiptId
