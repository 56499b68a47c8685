-- What has become of the orders of a run: how the delivery stands, where a later attempt than the expected one has been made.
SELECT
  multiIf(
    holding.attempt = 0, 'superseded',
    holding.attempt <= ordered.expectedAttempt, 'waiting',
    holding.reasonCode = 'event_renamed', 'renamed',
    holding.phase = 'intended' OR holding.outcome = 'retry', 'under_way',
    ifNull(holding.outcome, 'under_way')
  ) AS became,
  toUInt32(count()) AS deliveries
FROM (
  SELECT conversionId, deliveryId, expectedAttempt FROM delivery_commands FINAL WHERE runId = {runId:UUID}
) AS ordered
GLOBAL LEFT JOIN (
  SELECT conversionId, deliveryId, attempt, phase, outcome, ifNull(reasonCode, '') AS reasonCode
  FROM holdings FINAL
  WHERE conversionId GLOBAL IN (SELECT conversionId FROM delivery_commands WHERE runId = {runId:UUID})
) AS holding ON holding.conversionId = ordered.conversionId AND holding.deliveryId = ordered.deliveryId
GROUP BY became
ORDER BY became
