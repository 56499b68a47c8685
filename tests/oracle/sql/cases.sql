-- How often the log has met each case, by what the oracle made of it.
SELECT * FROM (
SELECT 1 AS turn, 'postbacks' AS name, count() AS count FROM postbacks FINAL
UNION ALL SELECT 2, 'refused: click of another advertiser, or of test traffic', (SELECT count() FROM postbacks FINAL) - (SELECT count() FROM oracle_reports)
UNION ALL SELECT 3, 'repeats that count', (SELECT count() FROM oracle_counted) - (SELECT count() FROM oracle_facts)
UNION ALL SELECT 4, 'conflicts', (SELECT count() FROM oracle_reports) - (SELECT count() FROM oracle_counted)
UNION ALL SELECT 5, 'late clicks that count', countIf(n.named = 'eligible' AND c.receivedAt > n.receivedAt) FROM oracle_named AS n INNER JOIN oracle_clicks AS c ON c.clickId = n.clickId
UNION ALL SELECT 6, 'clicks that came after the deadline', countIf(c.receivedAt > n.deadline) FROM oracle_named AS n INNER JOIN oracle_clicks AS c ON c.clickId = n.clickId
UNION ALL SELECT 7, 'clicks that never came', countIf(n.named = 'unknown' AND n.clickId NOT IN (SELECT clickId FROM oracle_clicks)) FROM oracle_named AS n
UNION ALL SELECT 8, 'outside the window', countIf(named = 'outside') FROM oracle_named
UNION ALL SELECT 9, 'by the customer''s first click', count() FROM oracle_led WHERE way = 2
UNION ALL SELECT 10, 'by hashed identity', count() FROM oracle_led WHERE way = 3
UNION ALL SELECT 11, 'shared among several clicks', countIf(length(credits) > 1) FROM oracle_credits
UNION ALL SELECT 12, 'refunds and chargebacks', count() FROM oracle_reversals
UNION ALL SELECT 13, 'reversals before their original', countIf(r.position < s.position) FROM oracle_reversals AS r INNER JOIN oracle_states AS s ON s.receiptId = r.originalId
UNION ALL SELECT 14, 'reversals of more than was left', countIf(isServed AND partMicros < askedMicros) FROM oracle_reversals
UNION ALL SELECT 15, 'conditions that were met', count() FROM oracle_conditions_met
UNION ALL SELECT 16, 'held', countIf(state = 'held') FROM oracle_states
UNION ALL SELECT 17, 'rejected', countIf(state = 'rejected') FROM oracle_states
UNION ALL SELECT 18, 'repeat orders of a customer', countIf(NOT isFirstOfCustomer) FROM oracle_states
UNION ALL SELECT 19, 'paid by tiers', countIf(rule.kind LIKE '%tiers') FROM oracle_ruled
UNION ALL SELECT 20, 'refused by a cap', count() FROM oracle_refused_by_caps
UNION ALL SELECT 21, 'reversals that are not approved, or in another currency', countIf(status != 'approved' OR isOtherCurrency) FROM oracle_reversals
UNION ALL SELECT 22, 'paid by a default value', countIf(isByDefault) FROM oracle_reckoned
UNION ALL SELECT 23, 'exchanged', countIf(isExchanged) FROM oracle_reckoned
UNION ALL SELECT 24, 'reports from clocks that run ahead', countIf(occurredAt > receivedAt) FROM oracle_reports
UNION ALL SELECT 25, 'at the very end of a window, or one millisecond after', count()
  FROM oracle_named AS n INNER JOIN oracle_clicks AS c ON c.clickId = n.clickId
  INNER JOIN oracle_terms AS t ON t.offerId = c.offerId AND t.eventType = n.eventType AND t.since <= n.judgedAt AND t.until > n.judgedAt
  WHERE n.occurredAt - c.clickedAt - t.windowMaxMs IN (0, 1)
UNION ALL SELECT 26, 'clicks at the very deadline, or one millisecond after', count()
  FROM oracle_named AS n INNER JOIN oracle_clicks AS c ON c.clickId = n.clickId WHERE c.receivedAt - n.deadline IN (0, 1)
) ORDER BY turn
