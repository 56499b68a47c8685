-- The reports: every accepted postback once, with the identity of the fact it reports. One row per receipt that may count.
CREATE OR REPLACE TABLE oracle_reports ENGINE = MergeTree ORDER BY (lane, identity, position) AS
WITH
  -- A click id that can be one of ours.
  match(ifNull(p.clickId, ''), '(?i)^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$') AS isUuid,
  if(isUuid, lower(assumeNotNull(p.clickId)), '') AS namedClickId,
  e.isReversal AS isReversal,
  ifNull(p.originalTransactionId, ifNull(p.transactionId, '')) AS original
SELECT
  -- As text: the type UUID compares by its second half.
  toString(p.receiptId) AS receiptId,
  p.lane AS lane,
  p.advertiserId AS advertiserId,
  p.isTest AS isTest,
  p.recordOffset AS position,
  toUnixTimestamp64Milli(p.receivedAt) AS receivedAt,
  toUnixTimestamp64Milli(p.occurredAt) AS occurredAt,
  p.occurredAtIsAssumed AS occurredAtIsAssumed,
  toString(p.eventType) AS eventType,
  e.eventClass AS eventClass,
  e.repeatMode AS repeatMode,
  isReversal,
  toString(p.status) AS status,
  if(isReversal, '', namedClickId) AS clickId,
  ifNull(p.customerId, '') AS customerId,
  ifNull(p.subjectHashes['emailPlain'], '') AS subject,
  ifNull(p.transactionId, '') AS transactionId,
  if(isReversal, original, '') AS reversedTransactionId,
  -- Amounts are never negative: -1 stands for what was not sent.
  ifNull(p.revenueMicros, -1) AS revenueMicros,
  if(p.revenueMicros IS NULL, '', ifNull(p.currency, '')) AS currency,
  ifNull(p.taxMicros, -1) AS taxMicros,
  ifNull(p.shippingMicros, -1) AS shippingMicros,
  ifNull(p.country, '') AS country,
  p.subIds['sub1'] AS sub1,
  -- "Every fact has a deterministic id": what it is made of, by class and not by type.
  assumeNotNull(concat(if(p.isTest, 'test|', ''), multiIf(
    -- "refund and chargeback: (advertiser, class, originalTransactionId, own refund id; else amount + sent occurredAt; else one per original)"
    isReversal,
    concat(e.eventClass, '|of|', original, '|', multiIf(
      p.reversalId IS NOT NULL, concat('id|', p.reversalId),
      p.revenueMicros IS NOT NULL AND NOT p.occurredAtIsAssumed,
      concat('sum|', toString(p.revenueMicros), '|', toString(occurredAt)),
      'one')),
    -- "with a transaction id: (advertiser, class, transactionId)"; "add (a further fact)"
    p.transactionId IS NOT NULL,
    concat(e.eventClass, '|transaction|', p.transactionId, if(e.repeatMode = 'add', concat('|', toString(p.receiptId)), '')),
    -- "without: per eventType one of once per click, once per customer, or each postback"
    e.withoutTransactionId = 'once_per_click' AND isUuid, concat(p.eventType, '|click|', namedClickId),
    e.withoutTransactionId = 'once_per_customer' AND p.customerId IS NOT NULL, concat(p.eventType, '|customer|', p.customerId),
    concat('receipt|', toString(p.receiptId))))) AS identity
FROM (SELECT * FROM postbacks FINAL) AS p
INNER JOIN oracle_event_types AS e ON e.advertiserId = p.advertiserId AND e.eventType = p.eventType
LEFT JOIN oracle_clicks AS c ON c.clickId = if(e.isReversal, '', namedClickId)
-- "A click of another advertiser's offer never matches (rejected: click_of_other_advertiser)": no conversion where the click
-- was visible already. Tests and live clicks are kept apart in the same way.
WHERE NOT (
  c.clickId != '' AND c.receivedAt <= toUnixTimestamp64Milli(p.receivedAt)
  AND (c.advertiserId != p.advertiserId OR c.isTest != p.isTest));
