-- Which of the given receipts have a verdict.
SELECT DISTINCT receiptId
FROM receipts
WHERE receiptId IN (SELECT arrayJoin({receiptIds:Array(UUID)}))
