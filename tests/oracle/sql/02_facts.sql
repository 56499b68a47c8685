-- Which reports of a fact count. "Same identity with other values under `reject` is recorded as a conflict, first in the log wins":
-- the reports of an identity are gone through in log order, and what contradicts those before it does not count.
CREATE OR REPLACE TABLE oracle_counted ENGINE = MergeTree ORDER BY receiptId AS
WITH folded AS
(
  SELECT
    arraySort(report -> report.position, groupArray((
      position AS position, clickId AS clickId, customerId AS customerId, revenueMicros AS revenue, currency AS currency,
      taxMicros AS tax, shippingMicros AS shipping, status AS status, repeatMode = 'update' AS isUpdate,
      receiptId AS receiptId)::Tuple(position UInt64, clickId String, customerId String, revenue Int64, currency String,
      tax Int64, shipping Int64, status String, isUpdate UInt8, receiptId String))) AS reports,
    -- What is known so far: (which reports count, click, customer, revenue, currency, tax, shipping, status).
    arrayFold(
      (known, report) -> if(
        -- Another click or customer is another fact under the same id, in mode `update` too.
        (known.2 != '' AND report.clickId != '' AND known.2 != report.clickId)
        OR (known.3 != '' AND report.customerId != '' AND known.3 != report.customerId)
        -- Silence contradicts nothing; "update: new revision".
        OR (NOT report.isUpdate AND (
          (known.4 >= 0 AND report.revenue >= 0 AND (known.4 != report.revenue OR known.5 != report.currency))
          OR (known.6 >= 0 AND report.tax >= 0 AND known.6 != report.tax)
          OR (known.7 >= 0 AND report.shipping >= 0 AND known.7 != report.shipping)
          -- "Status changes from the source (pending → approved / rejected) are revisions".
          OR (known.8 != 'pending' AND report.status != 'pending' AND known.8 != report.status))),
        (arrayPushBack(known.1, 0::UInt8), known.2, known.3, known.4, known.5, known.6, known.7, known.8),
        (arrayPushBack(known.1, 1::UInt8),
          if(known.2 = '', report.clickId, known.2),
          if(known.3 = '', report.customerId, known.3),
          if(known.4 < 0 AND NOT report.isUpdate, report.revenue, known.4),
          if(known.4 < 0 AND NOT report.isUpdate, report.currency, known.5),
          if(known.6 < 0 AND NOT report.isUpdate, report.tax, known.6),
          if(known.7 < 0 AND NOT report.isUpdate, report.shipping, known.7),
          if(known.8 = 'pending' AND NOT report.isUpdate, report.status, known.8))),
      reports,
      ([]::Array(UInt8), '', '', -1::Int64, '', -1::Int64, -1::Int64, 'pending')
      ::Tuple(Array(UInt8), String, String, Int64, String, Int64, Int64, String)) AS known
  FROM oracle_reports
  GROUP BY lane, identity
)
SELECT arrayJoin(arrayFilter((report, counts) -> counts, reports, known.1)).receiptId AS receiptId
FROM folded;

-- One row per conversion: the fold of the reports that count. Its id here is the receipt that made it.
CREATE OR REPLACE TABLE oracle_facts ENGINE = MergeTree ORDER BY receiptId AS
SELECT
  argMin(r.receiptId, r.position) AS receiptId,
  r.lane AS lane,
  any(r.advertiserId) AS advertiserId,
  any(r.isTest) AS isTest,
  any(r.eventClass) AS eventClass,
  any(r.isReversal) AS isReversal,
  min(r.position) AS position,
  min(r.receivedAt) AS receivedAt,
  -- The earliest time that was sent; where none was, that of the first receipt.
  if(countIf(NOT r.occurredAtIsAssumed) > 0, minIf(r.occurredAt, NOT r.occurredAtIsAssumed), min(r.receivedAt)) AS occurredAt,
  arraySort(groupUniqArray(r.eventType)) AS eventTypes,
  arraySort(groupUniqArray(r.eventType))[1] AS eventType,
  argMinIf(r.transactionId, r.position, r.transactionId != '') AS transactionId,
  any(r.reversedTransactionId) AS reversedTransactionId,
  argMinIf(r.clickId, r.position, r.clickId != '') AS clickId,
  countIf(r.clickId = '') > 0 AS isReportedWithoutClick,
  argMinIf(r.customerId, r.position, r.customerId != '') AS customerId,
  minIf(r.position, r.customerId != '') AS customerPosition,
  argMinIf(r.subject, r.position, r.subject != '') AS subject,
  argMinIf(r.country, (r.occurredAt, r.receiptId), r.country != '') AS country,
  argMinIf(r.sub1, (r.occurredAt, r.receiptId), r.sub1 != '') AS sub1,
  -- How long it waits for a click: from the latest of the first receipts of whatever may lead to one.
  greatest(
    minIf(r.receivedAt, r.clickId != ''),
    minIf(r.receivedAt, r.customerId != ''),
    minIf(r.receivedAt, r.subject != '')) AS waitsSince,
  -- The first value of each kind, unless a later update has put its own in its place.
  multiIf(
    countIf(r.revenueMicros >= 0 AND r.repeatMode = 'update') > 0,
    argMaxIf(r.revenueMicros, (r.receivedAt, r.receiptId), r.revenueMicros >= 0 AND r.repeatMode = 'update'),
    countIf(r.revenueMicros >= 0) > 0, argMinIf(r.revenueMicros, r.position, r.revenueMicros >= 0), -1) AS revenueMicros,
  multiIf(
    countIf(r.revenueMicros >= 0 AND r.repeatMode = 'update') > 0,
    argMaxIf(r.currency, (r.receivedAt, r.receiptId), r.revenueMicros >= 0 AND r.repeatMode = 'update'),
    countIf(r.revenueMicros >= 0) > 0, argMinIf(r.currency, r.position, r.revenueMicros >= 0), '') AS currency,
  multiIf(
    countIf(r.taxMicros >= 0 AND r.repeatMode = 'update') > 0,
    argMaxIf(r.taxMicros, (r.receivedAt, r.receiptId), r.taxMicros >= 0 AND r.repeatMode = 'update'),
    countIf(r.taxMicros >= 0) > 0, argMinIf(r.taxMicros, r.position, r.taxMicros >= 0), -1) AS taxMicros,
  multiIf(
    countIf(r.shippingMicros >= 0 AND r.repeatMode = 'update') > 0,
    argMaxIf(r.shippingMicros, (r.receivedAt, r.receiptId), r.shippingMicros >= 0 AND r.repeatMode = 'update'),
    countIf(r.shippingMicros >= 0) > 0, argMinIf(r.shippingMicros, r.position, r.shippingMicros >= 0), -1) AS shippingMicros,
  multiIf(
    countIf(r.status != 'pending' AND r.repeatMode = 'update') > 0,
    argMaxIf(r.status, (r.receivedAt, r.receiptId), r.status != 'pending' AND r.repeatMode = 'update'),
    countIf(r.status != 'pending') > 0, argMinIf(r.status, r.position, r.status != 'pending'), 'pending') AS status
FROM oracle_reports AS r
WHERE r.receiptId IN (SELECT receiptId FROM oracle_counted)
GROUP BY r.lane, r.identity;
