-- Other conversions of a conversion's customer that name a click which can win.
CREATE OR REPLACE TABLE oracle_acquaintances ENGINE = MergeTree ORDER BY receiptId AS
SELECT
  f.receiptId AS receiptId, g.clickId AS clickId, g.occurredAt AS occurredAt, g.position AS position,
  g.occurredAt <= f.occurredAt + 60000 AS isEarlier
FROM oracle_named AS f
INNER JOIN oracle_named AS g ON g.lane = f.lane AND g.isTest = f.isTest AND g.customerId = f.customerId
WHERE f.customerId != '' AND NOT f.isReversal AND NOT g.isReversal
  AND g.receiptId != f.receiptId AND g.named = 'eligible';

-- Every click that a conversion's person may have come by: 1 named, 2 by customer, 3 by identity, 4 only a further touch.
CREATE OR REPLACE TABLE oracle_ways ENGINE = MergeTree ORDER BY receiptId AS
-- "Match by click id"
SELECT receiptId, clickId, 1 AS way
FROM oracle_named WHERE named = 'eligible'
UNION ALL
-- "else by customer id, through the click of that customer's earlier conversion (renewals rarely carry a click id)": of the
-- first one. Earlier is what occurred before, give or take the minute by which clocks may differ.
SELECT receiptId, argMin(clickId, (occurredAt, position)), 2
FROM oracle_acquaintances WHERE isEarlier GROUP BY receiptId
UNION ALL
-- Clicks that his other conversions name are touches of his.
SELECT receiptId, clickId, 4 FROM oracle_acquaintances
UNION ALL
-- A click that was recorded with the customer's id is a touch of his; only a hash of it would lead to it.
SELECT f.receiptId, c.clickId, 4
FROM oracle_named AS f
INNER JOIN oracle_clicks AS c ON c.advertiserId = f.advertiserId AND c.customerId = f.customerId
WHERE f.customerId != '' AND NOT f.isReversal AND f.linksPersons
UNION ALL
-- "else by hashed identity when the offer allows it"
SELECT f.receiptId, c.clickId, 3
FROM oracle_named AS f
INNER JOIN oracle_clicks AS c ON c.advertiserId = f.advertiserId AND c.subject = f.subject
WHERE f.subject != '' AND NOT f.isReversal AND f.linksPersons
UNION ALL
-- ... or through a conversion of the person that names it and is no later, as with customers.
SELECT f.receiptId, g.clickId, 3
FROM oracle_named AS f
INNER JOIN oracle_named AS g ON g.lane = f.lane AND g.isTest = f.isTest AND g.subject = f.subject
WHERE f.subject != '' AND NOT f.isReversal AND NOT g.isReversal AND f.linksPersons
  AND g.receiptId != f.receiptId AND g.named = 'eligible' AND g.occurredAt <= f.occurredAt + 60000;

-- Those that can win: of the same advertiser, in time, within the window of the conversion's own event type.
CREATE OR REPLACE TABLE oracle_touches ENGINE = MergeTree ORDER BY receiptId AS
SELECT
  w.receiptId AS receiptId, w.clickId AS clickId, min(w.way) AS way,
  any(c.offerId) AS offerId, any(c.clickedAt) AS clickedAt, any(t.model) AS model, any(t.halfLifeMs) AS halfLifeMs
FROM oracle_ways AS w
INNER JOIN oracle_named AS f ON f.receiptId = w.receiptId
INNER JOIN oracle_clicks AS c ON c.clickId = w.clickId
INNER JOIN oracle_terms AS t ON t.offerId = c.offerId AND t.eventType = f.eventType
WHERE t.since <= f.judgedAt AND t.until > f.judgedAt
  AND c.advertiserId = f.advertiserId AND c.isTest = f.isTest AND c.receivedAt <= f.deadline
  AND oracle_in_window(f.occurredAt, c.clickedAt, t.windowMinMs, t.windowMaxMs)
  AND (w.way != 3 OR t.matchesHashedIdentity)
  -- The source said which click it was: outside its window, or as long as it is not there, no other way is tried.
  AND (f.named IN ('eligible', 'none') OR (f.named = 'unknown' AND {now: Int64} > f.deadline))
GROUP BY w.receiptId, w.clickId;

-- The click that leads to the conversion: the named one; else that of the customer's first conversion; else the latest of the
-- person's, of one instant the one with the larger id.
CREATE OR REPLACE TABLE oracle_led ENGINE = MergeTree ORDER BY receiptId AS
SELECT
  t.receiptId AS receiptId,
  argMax((t.clickId, t.offerId, t.model, t.halfLifeMs), (-t.way, t.clickedAt, t.clickId)) AS lead,
  min(t.way) AS way
FROM oracle_touches AS t
WHERE t.way < 4
GROUP BY t.receiptId;

-- One row per attributed conversion: the shares of its clicks, which sum to one, and the click with the largest.
CREATE OR REPLACE TABLE oracle_credits ENGINE = MergeTree ORDER BY receiptId AS
WITH
  shared AS
  (
    SELECT
      l.receiptId AS receiptId, l.lead AS lead,
      -- Touches of several offers: those of the offer that led to the conversion share. The latest last.
      arraySort(groupArrayIf((t.clickedAt, t.clickId),
        t.offerId = l.lead.2 AND (l.lead.3 != 'last_click' OR t.clickId = l.lead.1))) AS touches
    FROM oracle_led AS l INNER JOIN oracle_touches AS t ON t.receiptId = l.receiptId
    GROUP BY receiptId, lead
  ),
  weighed AS
  (
    SELECT
      receiptId, lead, touches, length(touches) AS n,
      arrayMap(touch -> exp2((touch.1 - touches[n].1) / lead.4), touches) AS weights,
      arrayMap(weight -> weight / arraySum(weights) * 1000000, weights) AS exact,
      1000000 - arraySum(arrayMap(share -> toInt64(floor(share)), exact)) AS rest,
      -- "splits by largest remainder, ties by clickId"
      arraySlice(arraySort(place -> (floor(exact[place]) - exact[place], touches[place].2), arrayEnumerate(touches)), 1, rest) AS rounded
    FROM shared
  )
SELECT
  receiptId,
  lead.2 AS offerId,
  lead.1 AS leadClickId,
  arrayFilter(credit -> credit.2 > 0, multiIf(
    lead.3 = 'first_click', arrayMap((touch, place) -> (touch.2, toInt64(place = 1), 1::Int64), touches, arrayEnumerate(touches)),
    lead.3 = 'linear', arrayMap(touch -> (touch.2, 1::Int64, toInt64(n)), touches),
    lead.3 = 'position_based' AND n = 2, arrayMap(touch -> (touch.2, 1::Int64, 2::Int64), touches),
    lead.3 = 'position_based' AND n > 2,
    arrayMap((touch, place) -> (touch.2, toInt64(if(place IN (1, n), 2 * (n - 2), 1)), toInt64(5 * (n - 2))), touches, arrayEnumerate(touches)),
    lead.3 = 'time_decay',
    arrayMap((touch, place) -> (touch.2, toInt64(floor(exact[place])) + toInt64(has(rounded, place)), 1000000::Int64), touches, arrayEnumerate(touches)),
    arrayMap((touch, place) -> (touch.2, toInt64(place = n), 1::Int64), touches, arrayEnumerate(touches)))) AS credits,
  -- Of equal shares the latest click wins.
  arraySort((credit, place) -> (-credit.2, -place), credits, arrayEnumerate(credits))[1].1 AS clickId
FROM weighed;
