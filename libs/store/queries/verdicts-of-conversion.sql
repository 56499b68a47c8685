-- The verdicts that name a conversion. No key leads there: one narrow column is read whole, which a person's question may cost.
SELECT {{columns}}
FROM receipts
WHERE conversionId = {conversionId:UUID}
ORDER BY recordVersion DESC
LIMIT 1 BY receiptId
