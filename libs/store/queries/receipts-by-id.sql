-- The accepted postbacks among the given receipts, with attribution's verdict and where their conversion stands now.
WITH accepted AS (
  SELECT receiptId, sourceId, receivedAt
  FROM postbacks
  WHERE receiptId IN (SELECT arrayJoin({receiptIds:Array(UUID)}))
  ORDER BY recordVersion DESC
  LIMIT 1 BY receiptId
),
judged AS (
  SELECT receiptId, verdict, reasonCode, conversionId, judgedAt
  FROM receipts
  WHERE receiptId IN (SELECT arrayJoin({receiptIds:Array(UUID)}))
  ORDER BY recordVersion DESC
  LIMIT 1 BY receiptId
),
decided AS (
  SELECT conversionId, revision, match, state
  FROM conversions
  WHERE conversionId IN (SELECT assumeNotNull(conversionId) FROM judged WHERE conversionId IS NOT NULL)
  ORDER BY recordVersion DESC
  LIMIT 1 BY conversionId
)
SELECT
  accepted.receiptId AS receiptId,
  accepted.sourceId AS sourceId,
  toUnixTimestamp64Milli(accepted.receivedAt) AS receivedAt,
  judged.verdict AS verdict,
  judged.reasonCode AS reasonCode,
  toUnixTimestamp64Milli(judged.judgedAt) AS judgedAt,
  judged.conversionId AS conversionId,
  decided.revision AS revision,
  decided.match AS match,
  decided.state AS state
FROM accepted
LEFT JOIN judged ON judged.receiptId = accepted.receiptId
LEFT JOIN decided ON decided.conversionId = judged.conversionId
SETTINGS join_use_nulls = 1
