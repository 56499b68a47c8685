-- Clicks that tell whose they are, in the order in which they were stored: attribution looks through the latest of them for
-- conversions of the same person that were decided before the click was to be seen.

-- One row per click that carries a customer id or a hash of personal data, for two days; what the click says is in clicks.
-- Key: the instant at which it was stored, by ClickHouse's clock, since only the latest are read; a click that was recorded
-- twice has two rows.
CREATE TABLE IF NOT EXISTS person_clicks
(
  storedAt DateTime64(3, 'UTC'),
  clickId UUID,
  advertiserId LowCardinality(String)
)
ENGINE = {{replacing()}}
ORDER BY (storedAt, clickId)
TTL toDateTime(storedAt) + INTERVAL 2 DAY;

CREATE MATERIALIZED VIEW IF NOT EXISTS person_clicks_feed TO person_clicks AS
SELECT now64(3, 'UTC') AS storedAt, clickId, advertiserId
FROM clicks_stream
WHERE _error = '' AND (isNotNull(customerId) OR notEmpty(subjectHashes));
