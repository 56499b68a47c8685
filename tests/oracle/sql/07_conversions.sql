-- "Refund and chargeback name the original transaction; they yield a negative child and a new revision of the original; one
-- that arrives first waits for its original."
CREATE OR REPLACE TABLE oracle_reversals ENGINE = MergeTree ORDER BY receiptId AS
WITH
  originals AS
  (
    SELECT lane, isTest, transactionId, argMin(receiptId, position) AS receiptId
    -- A conversion of a click that is not ours counts as if it were not there.
    FROM oracle_states WHERE transactionId != '' AND NOT isForeign GROUP BY lane, isTest, transactionId
  ),
  linked AS
  (
    SELECT
      f.receiptId AS receiptId, f.lane AS lane, f.advertiserId AS advertiserId, f.isTest AS isTest, f.eventClass AS eventClass,
      f.deadline AS deadline, f.revenueMicros AS askedMicros, f.status AS status, f.occurredAt AS occurredAt, f.position AS position,
      o.receiptId AS originalId, s.match AS originalMatch, s.state AS originalState, s.clickId AS clickId, s.credits AS credits,
      s.revenueMicros AS earnedMicros, p.payoutMicros AS owedMicros, p.payoutCurrency AS payoutCurrency,
      f.revenueMicros >= 0 AND s.revenueMicros >= 0 AND f.currency != s.currency AS isOtherCurrency,
      -- Only what the source has approved takes money back, and only in the currency that was earned.
      originalMatch != '' AND originalState != 'rejected' AND f.status = 'approved' AND NOT isOtherCurrency AS isServed
    FROM (SELECT * FROM oracle_named WHERE isReversal) AS f
    LEFT JOIN originals AS o ON o.lane = f.lane AND o.isTest = f.isTest AND o.transactionId = f.reversedTransactionId
    LEFT JOIN oracle_states AS s ON s.receiptId = o.receiptId
    LEFT JOIN oracle_owed AS p ON p.receiptId = o.receiptId
  ),
  summed AS
  (
    SELECT
      *,
      -- Who names no sum asks for all that is left. "Never more is reversed than was earned."
      if(earnedMicros < 0, 0, least(toInt256(earnedMicros), sum(if(askedMicros < 0, toInt256(earnedMicros), toInt256(askedMicros))) OVER running)) AS takenMicros,
      count() OVER running AS turn
    FROM linked
    WINDOW running AS (PARTITION BY originalId, isServed ORDER BY occurredAt, receiptId ROWS UNBOUNDED PRECEDING)
  ),
  split AS
  (
    SELECT
      *,
      -- Of the payout the same share of all that was taken so far; without revenue the first reversal takes it whole.
      multiIf(
        owedMicros IS NULL, NULL,
        earnedMicros <= 0, owedMicros,
        oracle_half_even(toInt256(assumeNotNull(owedMicros)) * takenMicros, toInt256(earnedMicros))) AS takenPayoutMicros
    FROM summed
  )
SELECT
  *,
  takenMicros - lagInFrame(takenMicros, 1, 0::Int256) OVER w AS partMicros,
  takenPayoutMicros - ifNull(lagInFrame(takenPayoutMicros, 1, 0) OVER w, 0) AS partPayoutMicros
FROM split
WINDOW w AS (PARTITION BY originalId, isServed ORDER BY occurredAt, receiptId ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW);

-- The conversions as the log and the terms have them now.
CREATE OR REPLACE TABLE oracle_conversions ENGINE = MergeTree ORDER BY receiptId AS
SELECT
  s.receiptId AS receiptId, s.advertiserId AS advertiserId, s.eventClass AS eventClass, s.match AS match,
  if(r.takenMicros >= s.revenueMicros AND r.turns > 0 AND s.state != 'rejected', 'reversed', s.state) AS state,
  s.clickId AS clickId,
  if(s.revenueMicros < 0, NULL, s.revenueMicros) AS revenueMicros,
  p.payoutMicros AS payoutMicros, p.payoutCurrency AS payoutCurrency,
  if(r.turns = 0 OR s.revenueMicros < 0, NULL, toInt64(r.takenMicros)) AS reversedRevenueMicros,
  if(r.turns = 0, NULL, toInt64(r.takenPayoutMicros)) AS reversedPayoutMicros,
  s.credits AS credits, s.isFirstOfCustomer AS isFirstOfCustomer
FROM oracle_states AS s
LEFT JOIN oracle_owed AS p ON p.receiptId = s.receiptId
LEFT JOIN (
  SELECT originalId, max(takenMicros) AS takenMicros, max(takenPayoutMicros) AS takenPayoutMicros, count() AS turns
  FROM oracle_reversals WHERE isServed GROUP BY originalId
) AS r ON r.originalId = s.receiptId
UNION ALL
SELECT
  receiptId, advertiserId, eventClass,
  multiIf(originalMatch != '', originalMatch, {now: Int64} <= deadline, 'parked', 'unattributed'),
  multiIf(
    status = 'rejected' OR originalState = 'rejected', 'rejected',
    originalMatch = '', 'held',
    isOtherCurrency, 'held',
    status = 'pending', 'pending',
    originalState),
  clickId,
  -- Whoever takes nothing takes 0 of a currency that is known.
  multiIf(
    originalMatch = '', if(askedMicros >= 0, 0, NULL),
    earnedMicros < 0, NULL,
    isServed, -toInt64(partMicros),
    0),
  multiIf(owedMicros IS NULL, NULL, isServed, -toInt64(partPayoutMicros), 0),
  payoutCurrency,
  NULL, NULL, credits, NULL
FROM oracle_reversals;
