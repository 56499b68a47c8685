-- The verdicts that name a conversion; of a receipt that was judged twice the first in the log counts, whatever the other names.
-- No key leads there: one narrow column is read whole, which a person's question may cost. GLOBAL, because on a cluster these
-- are distributed tables.
SELECT {{columns}}
FROM (
  SELECT *
  FROM receipts
  WHERE receiptId GLOBAL IN (SELECT receiptId FROM receipts WHERE conversionId = {conversionId:UUID})
  ORDER BY recordVersion DESC
  LIMIT 1 BY receiptId
)
WHERE conversionId = {conversionId:UUID}
