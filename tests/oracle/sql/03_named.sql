-- The click that the reports of a fact name, and whether it can win.
CREATE OR REPLACE TABLE oracle_named ENGINE = MergeTree ORDER BY receiptId AS
SELECT
  f.receiptId AS receiptId, f.lane AS lane, f.advertiserId AS advertiserId, f.isTest AS isTest,
  f.eventClass AS eventClass, f.isReversal AS isReversal, f.position AS position, f.receivedAt AS receivedAt,
  f.occurredAt AS occurredAt,
  -- "The rules in force then": a clock that runs ahead reaches no terms that are not in force yet.
  least(f.occurredAt, f.receivedAt) AS judgedAt,
  f.eventTypes AS eventTypes, f.eventType AS eventType, f.transactionId AS transactionId,
  f.reversedTransactionId AS reversedTransactionId, f.clickId AS clickId, f.customerId AS customerId, f.customerPosition AS customerPosition,
  f.subject AS subject, f.country AS country, f.sub1 AS sub1, f.revenueMicros AS revenueMicros, f.currency AS currency,
  f.taxMicros AS taxMicros, f.shippingMicros AS shippingMicros, f.status AS status,
  a.linksPersons AS linksPersons,
  -- "Conversion before its click: parked with a deadline, rematched when the click becomes visible, unattributed after."
  if(f.isReversal, f.receivedAt, f.waitsSince) + a.parkedForMs AS deadline,
  c.offerId AS namedOfferId,
  c.clickedAt AS namedClickedAt,
  multiIf(
    f.clickId = '', 'none',
    c.clickId = '' OR c.receivedAt > deadline, 'unknown',
    -- Not ours to count: as if it were not there, where another report of the fact came without it.
    c.advertiserId != f.advertiserId OR c.isTest != f.isTest, if(f.isReportedWithoutClick, 'none', 'foreign'),
    t.offerId = '', 'outside',
    -- "Windows per offer and eventType, judged by occurredAt and the rules in force then."
    oracle_in_window(f.occurredAt, c.clickedAt, t.windowMinMs, t.windowMaxMs), 'eligible',
    'outside') AS named
FROM oracle_facts AS f
INNER JOIN oracle_advertisers AS a ON a.advertiserId = f.advertiserId
LEFT JOIN oracle_clicks AS c ON c.clickId = f.clickId
LEFT JOIN oracle_terms AS t ON t.offerId = c.offerId AND t.eventType = f.eventType
  AND t.since <= judgedAt AND t.until > judgedAt;
