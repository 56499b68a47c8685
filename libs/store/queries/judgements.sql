-- The verdict on each given receipt: its first in the log.
SELECT receiptId, verdict, reasonCode, conversionId, revision
FROM receipts
WHERE receiptId IN (SELECT arrayJoin({receiptIds:Array(UUID)}))
ORDER BY recordVersion DESC
LIMIT 1 BY receiptId
