-- The accepted postbacks among the given receipts; ordered by version, so that the first record of each stays.
SELECT {{columns}}
FROM postbacks
WHERE receiptId IN (SELECT arrayJoin({receiptIds:Array(UUID)}))
ORDER BY recordVersion DESC
LIMIT 1 BY receiptId
