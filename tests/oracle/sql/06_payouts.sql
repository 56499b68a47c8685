-- The rule that pays each attributed conversion: one for the partner before one for all, one for first customers before one
-- for everybody; "first customer only" is passed over by whoever is not one.
CREATE OR REPLACE TABLE oracle_ruled ENGINE = MergeTree ORDER BY receiptId AS
SELECT
  s.receiptId AS receiptId,
  argMin((p.kind, p.currency, p.defaultMicros, p.defaultCurrency, p.tiers)::Tuple(kind String, currency String,
    defaultMicros Int64, defaultCurrency String,
    tiers Array(Tuple(atLeast Int64, amountMicros Int64, percentMicros Int64, isNetOfTax UInt8, isNetOfShipping UInt8))),
    (p.partnerId = '', NOT p.firstOfCustomerOnly)) AS rule
FROM oracle_states AS s
INNER JOIN oracle_payouts AS p ON p.offerId = s.offerId AND p.eventType = s.eventType
WHERE s.match = 'attributed' AND s.state != 'rejected'
  AND p.since <= s.judgedAt AND p.until > s.judgedAt
  AND p.partnerId IN ('', s.partnerId) AND (NOT p.firstOfCustomerOnly OR s.isFirstOfCustomer)
GROUP BY s.receiptId;

-- "Payout rules: fixed, percentage of revenue (before or after tax and shipping), tiers, default value per eventType."
CREATE OR REPLACE TABLE oracle_reckoned ENGINE = MergeTree ORDER BY receiptId AS
WITH
  numbered AS
  (
    SELECT
      s.receiptId AS receiptId, s.lane AS lane, s.isTest AS isTest, s.offerId AS offerId, s.partnerId AS partnerId,
      s.eventType AS eventType, s.occurredAt AS occurredAt, s.judgedAt AS judgedAt, s.position AS position, s.taxMicros AS taxMicros, s.shippingMicros AS shippingMicros,
      r.rule AS rule,
      -- Number of the conversion among the partner's of this offer and event type in the calendar month, in log order. Tests
      -- take no place: each is as if it were the first.
      if(s.isTest, 1, row_number() OVER (
        PARTITION BY r.rule.kind = 'count_tiers', s.isTest, s.lane, s.offerId, s.partnerId, s.eventType,
          toStartOfMonth(fromUnixTimestamp64Milli(s.occurredAt, 'UTC'))
        ORDER BY s.position)) AS number,
      if(s.revenueMicros >= 0, s.revenueMicros, r.rule.defaultMicros) AS value,
      if(s.revenueMicros >= 0, s.currency, r.rule.defaultCurrency) AS valueCurrency,
      s.revenueMicros < 0 AS isDefault,
      if(r.rule.currency = '', valueCurrency, r.rule.currency) AS payoutCurrency
    FROM oracle_states AS s INNER JOIN oracle_ruled AS r ON r.receiptId = s.receiptId
  ),
  exchanged AS
  (
    SELECT
      n.receiptId AS receiptId, n.lane AS lane, n.isTest AS isTest, n.offerId AS offerId, n.partnerId AS partnerId, n.eventType AS eventType,
      n.occurredAt AS occurredAt, n.position AS position, n.taxMicros AS taxMicros, n.shippingMicros AS shippingMicros, n.rule AS rule,
      n.number AS number, n.value AS value, n.isDefault AS isDefault, n.payoutCurrency AS payoutCurrency,
      -- "Exchange rates are configuration facts with an id, frozen at occurredAt"; in one direction only.
      if(n.valueCurrency = n.payoutCurrency, 1, x.numerator) AS numerator,
      if(n.valueCurrency = n.payoutCurrency, 1, x.denominator) AS denominator,
      n.value >= 0 AND numerator > 0 AS hasValue
    FROM numbered AS n
    LEFT JOIN oracle_rates AS x ON x.source = n.valueCurrency AND x.target = n.payoutCurrency
      AND x.since <= n.judgedAt AND x.until > n.judgedAt
  ),
  tiered AS
  (
    SELECT
      *,
      arrayLast(tier -> multiIf(
        rule.kind = 'count_tiers', tier.atLeast <= number,
        rule.kind = 'revenue_tiers', hasValue AND toInt256(tier.atLeast) * denominator <= toInt256(value) * numerator,
        true), rule.tiers) AS tier,
      arrayExists(tier -> multiIf(
        rule.kind = 'count_tiers', tier.atLeast <= number,
        rule.kind = 'revenue_tiers', hasValue AND toInt256(tier.atLeast) * denominator <= toInt256(value) * numerator,
        true), rule.tiers) AS isTierReached,
      value
        - if(tier.isNetOfTax AND NOT isDefault, greatest(taxMicros, 0), 0)
        - if(tier.isNetOfShipping AND NOT isDefault, greatest(shippingMicros, 0), 0) AS base
    FROM exchanged
  )
SELECT
  receiptId, lane, isTest, offerId, partnerId, eventType, occurredAt, position, payoutCurrency,
  isDefault AND hasValue AND tier.amountMicros < 0 AS isByDefault, hasValue AND numerator != denominator AS isExchanged,
  multiIf(
    NOT isTierReached, NULL,
    tier.amountMicros >= 0, tier.amountMicros,
    NOT hasValue, NULL,
    base <= 0, 0,
    toInt64(oracle_half_even(toInt256(base) * tier.percentMicros * numerator, toInt256(100000000) * denominator))) AS payoutMicros
FROM tiered;

-- "Caps are exact, allocated in log order within the lane": a conversion is paid when it fits whole under every cap it falls
-- under. Conversions of an offer are gone through in log order, those of the longest period of its caps together.
CREATE OR REPLACE TABLE oracle_refused_by_caps ENGINE = MergeTree ORDER BY receiptId AS
WITH
  asked AS
  (
    SELECT
      r.receiptId AS receiptId, r.position AS position, r.lane AS lane, r.offerId AS offerId, r.payoutMicros AS payoutMicros,
      fromUnixTimestamp64Milli(r.occurredAt, 'UTC') AS at,
      -- (counter, limit on conversions, limit on payout); -1 for no such limit.
      groupArray((
        concat(c.capId, '|', if(c.isPerPartner, r.partnerId, ''), '|', toString(multiIf(
          c.period = 'hour', toUnixTimestamp(toStartOfHour(at)),
          c.period = 'day', toUnixTimestamp(toStartOfDay(at)),
          c.period = 'month', toUnixTimestamp(toStartOfMonth(at)),
          0))),
        c.conversions, c.payoutMicros)) AS caps,
      multiIf(
        max(o.longest) = 4, '', max(o.longest) = 3, toString(toStartOfMonth(at)),
        max(o.longest) = 2, toString(toStartOfDay(at)), toString(toStartOfHour(at))) AS stretch
    FROM oracle_reckoned AS r
    INNER JOIN oracle_caps AS c ON c.offerId = r.offerId
    INNER JOIN (
      SELECT offerId, max(transform(period, ['hour', 'day', 'month', 'total'], [1, 2, 3, 4], 4)) AS longest FROM oracle_caps GROUP BY offerId
    ) AS o ON o.offerId = r.offerId
    WHERE r.payoutMicros IS NOT NULL AND NOT r.isTest
      AND c.partnerId IN ('', r.partnerId) AND c.eventType IN ('', r.eventType)
    GROUP BY receiptId, position, lane, offerId, payoutMicros, at
  ),
  allocated AS
  (
    SELECT
      arraySort(conversion -> conversion.1, groupArray((position, receiptId, assumeNotNull(payoutMicros), caps))) AS conversions,
      -- (what each counter has used, which conversions were refused).
      arrayFold(
        (used, conversion) -> if(
          arrayAll(cap -> (cap.2 < 0 OR used.1[cap.1].1 + 1 <= cap.2) AND (cap.3 < 0 OR used.1[cap.1].2 + conversion.3 <= cap.3), conversion.4),
          (mapUpdate(used.1, mapFromArrays(
            arrayMap(cap -> cap.1, conversion.4),
            arrayMap(cap -> (used.1[cap.1].1 + 1, used.1[cap.1].2 + conversion.3)::Tuple(Int64, Int64), conversion.4))), used.2),
          (used.1, arrayPushBack(used.2, conversion.2))),
        conversions,
        (map(), [])::Tuple(Map(String, Tuple(Int64, Int64)), Array(String))) AS used
    FROM asked
    GROUP BY lane, offerId, stretch
  )
SELECT arrayJoin(used.2) AS receiptId FROM allocated;

-- What is owed: "otherwise it counts, without a payout".
CREATE OR REPLACE TABLE oracle_owed ENGINE = MergeTree ORDER BY receiptId AS
SELECT receiptId, payoutMicros, if(payoutMicros IS NULL, NULL, payoutCurrency) AS payoutCurrency
FROM oracle_reckoned
WHERE receiptId NOT IN (SELECT receiptId FROM oracle_refused_by_caps);
