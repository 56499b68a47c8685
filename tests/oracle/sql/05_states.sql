-- Conditions that are met: by the same customer, click or transaction, approved, within the time. Clocks may differ by a minute.
CREATE OR REPLACE TABLE oracle_conditions_met ENGINE = MergeTree ORDER BY receiptId AS
WITH
  keys AS
  (
    SELECT receiptId, lane, isTest, eventType, eventTypes, status, occurredAt,
      arrayJoin(arrayFilter(key -> key.2 != '', [('customer', customerId), ('click', clickId), ('transaction', transactionId)])) AS key
    FROM oracle_named WHERE NOT isReversal
  ),
  waiting AS
  (
    SELECT DISTINCT f.receiptId AS receiptId, t.conditionType AS conditionType, t.conditionWithinMs AS withinMs
    FROM oracle_named AS f
    INNER JOIN oracle_credits AS m ON m.receiptId = f.receiptId
    INNER JOIN oracle_terms AS t ON t.offerId = m.offerId AND t.eventType = f.eventType
    WHERE t.conditionType != '' AND t.since <= f.judgedAt AND t.until > f.judgedAt
  )
SELECT DISTINCT f.receiptId AS receiptId
FROM waiting AS w
INNER JOIN keys AS f ON f.receiptId = w.receiptId
INNER JOIN keys AS g ON g.lane = f.lane AND g.isTest = f.isTest AND g.key = f.key
WHERE has(g.eventTypes, w.conditionType) AND g.status = 'approved'
  AND g.occurredAt >= f.occurredAt - 60000 AND g.occurredAt <= f.occurredAt + w.withinMs;

-- How many conversions named the click in the time before each, itself included.
CREATE OR REPLACE TABLE oracle_velocity ENGINE = MergeTree ORDER BY receiptId AS
SELECT f.receiptId AS receiptId, countDistinct(g.receiptId) AS conversions
FROM oracle_named AS f
INNER JOIN oracle_credits AS m ON m.receiptId = f.receiptId
INNER JOIN oracle_terms AS t ON t.offerId = m.offerId AND t.eventType = f.eventType
INNER JOIN oracle_named AS g ON g.clickId = m.clickId
WHERE t.velocityConversions > 0 AND t.since <= f.judgedAt AND t.until > f.judgedAt AND f.clickId = m.clickId
  AND NOT g.isReversal AND g.occurredAt <= f.occurredAt AND g.occurredAt > f.occurredAt - t.velocityWithinMs
GROUP BY f.receiptId;

-- Match and state of every conversion that is no reversal.
CREATE OR REPLACE TABLE oracle_states ENGINE = MergeTree ORDER BY receiptId AS
WITH
  m.clickId != '' AS isAttributed,
  f.named = 'unknown' OR (f.named = 'none' AND (f.customerId != '' OR (f.subject != '' AND f.linksPersons))) AS isSomethingToLookFor,
  -- "Rules against abuse: impossible click-to-conversion time, bot user agents, velocity, mismatched country, blocked sub-ids:
  -- reject or hold with the reason."
  [
    (t.impossibleAction, t.impossibleAction != '' AND f.occurredAt - c.clickedAt < t.impossibleBelowMs),
    (t.botsAction, c.automation = 'bot'),
    (t.velocityAction, v.conversions > t.velocityConversions),
    (t.countryAction, c.country != '' AND f.country != '' AND c.country != f.country),
    -- Of the click or of a report.
    (t.blockedAction, has(t.blockedSub1, c.subIds['sub1']) OR has(t.blockedSub1, f.sub1))
  ] AS guards,
  isAttributed AND arrayExists(guard -> guard.1 = 'reject' AND guard.2, guards) AS isRefused,
  isAttributed AND arrayExists(guard -> guard.1 = 'hold' AND guard.2, guards) AS isSuspect,
  isAttributed AND t.conditionType != '' AND f.receiptId NOT IN (SELECT receiptId FROM oracle_conditions_met) AS isUnmet
SELECT
  f.receiptId AS receiptId, f.lane AS lane, f.advertiserId AS advertiserId, f.isTest AS isTest,
  f.eventClass AS eventClass, f.eventType AS eventType, f.position AS position, f.occurredAt AS occurredAt, f.judgedAt AS judgedAt,
  f.transactionId AS transactionId,
  f.customerId AS customerId,
  f.revenueMicros AS revenueMicros, f.currency AS currency, f.taxMicros AS taxMicros, f.shippingMicros AS shippingMicros,
  multiIf(isAttributed, 'attributed', isSomethingToLookFor AND {now: Int64} <= f.deadline, 'parked', 'unattributed') AS match,
  multiIf(
    f.status = 'rejected' OR f.named = 'foreign' OR isRefused, 'rejected',
    -- "held until a required later event or a deadline"
    isUnmet AND {now: Int64} > f.occurredAt + t.conditionWithinMs, 'rejected',
    -- What the source has not approved yet is held all the same.
    isUnmet OR isSuspect, 'held',
    f.status = 'pending', 'pending',
    'payable') AS state,
  f.named = 'foreign' AS isForeign,
  m.offerId AS offerId, c.partnerId AS partnerId, m.clickId AS clickId, m.credits AS credits,
  -- "first customer: those follow log order"; the place is that of the report which brought the customer's id.
  if(f.customerId = '', NULL, row_number() OVER (PARTITION BY f.lane, f.isTest, f.eventClass, f.customerId ORDER BY f.customerPosition) = 1) AS isFirstOfCustomer
FROM (SELECT * FROM oracle_named WHERE NOT isReversal) AS f
LEFT JOIN oracle_credits AS m ON m.receiptId = f.receiptId
LEFT JOIN oracle_clicks AS c ON c.clickId = m.clickId
LEFT JOIN oracle_terms AS t ON t.offerId = m.offerId AND t.eventType = f.eventType AND t.since <= f.judgedAt AND t.until > f.judgedAt
LEFT JOIN oracle_velocity AS v ON v.receiptId = f.receiptId;
