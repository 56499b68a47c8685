-- The verdict on each given receipt: its first in the log, and which record it judged.
SELECT receiptId, verdict, reasonCode, conversionId, revision, triggerPartition, toString(triggerOffset) AS triggerOffset
FROM receipts
WHERE receiptId IN (SELECT arrayJoin({receiptIds:Array(UUID)}))
ORDER BY recordVersion DESC
LIMIT 1 BY receiptId
