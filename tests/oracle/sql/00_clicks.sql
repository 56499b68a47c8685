-- The clicks, the first record of an id, times as milliseconds; '' and 0 where nothing was recorded.
CREATE OR REPLACE TABLE oracle_clicks ENGINE = MergeTree ORDER BY clickId AS
SELECT
  toString(clickId) AS clickId,
  toString(advertiserId) AS advertiserId,
  toString(offerId) AS offerId,
  ifNull(partnerId, '') AS partnerId,
  toUnixTimestamp64Milli(clickedAt) AS clickedAt,
  toUnixTimestamp64Milli(receivedAt) AS receivedAt,
  ifNull(customerId, '') AS customerId,
  ifNull(subjectHashes['emailPlain'], '') AS subject,
  subIds,
  ifNull(country, '') AS country,
  ifNull(automation, '') AS automation,
  isTest
FROM (SELECT * FROM clicks FINAL);

-- "every division rounds half-even, once, at the end"
CREATE OR REPLACE FUNCTION oracle_half_even AS (dividend, divisor) ->
  intDiv(dividend, divisor)
  + if(2 * (dividend % divisor) > divisor OR (2 * (dividend % divisor) = divisor AND intDiv(dividend, divisor) % 2 = 1), 1, 0);

-- Whether a click lies in the window before a conversion; one that seems to be up to a minute younger is a clock that goes wrong.
CREATE OR REPLACE FUNCTION oracle_in_window AS (occurredAt, clickedAt, minMs, maxMs) ->
  occurredAt - clickedAt >= -60000
  AND greatest(occurredAt - clickedAt, 0) >= minMs
  AND greatest(occurredAt - clickedAt, 0) <= maxMs;
