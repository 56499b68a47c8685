-- Lifecycle signals: what CRM and lifecycle tools are told, as rows.

-- One row per signal: its latest phase, raised or withdrawn.
-- Key: signalId; of one signal the later record in the log counts, so the version is the offset itself.
CREATE TABLE IF NOT EXISTS lifecycle_signals
(
  signalId UUID,
  phase LowCardinality(String),
  signal LowCardinality(String),
  customerKey String,
  customerId Nullable(String),
  lane LowCardinality(String),
  advertiserId LowCardinality(String),
  conversionId Nullable(UUID),
  revision Nullable(Int32),
  eventType LowCardinality(Nullable(String)),
  offerId LowCardinality(Nullable(String)),
  campaignId LowCardinality(Nullable(String)),
  partnerId LowCardinality(Nullable(String)),
  productId Nullable(String),
  planId Nullable(String),
  ordinal Int32,
  reasonCodes Array(String),
  occurredAt DateTime64(3, 'UTC'),
  signalledAt DateTime64(3, 'UTC'),
  dueAt Nullable(DateTime64(3, 'UTC')),
  expiresAt Nullable(DateTime64(3, 'UTC')),
  triggerKind LowCardinality(String),
  triggerPartition Int32,
  triggerOffset Int64,
  revenueMicros Nullable(Int64),
  currency LowCardinality(Nullable(String)),
  predictedLtvMicros Nullable(Int64),
  subjectHashes Map(String, String),
  country LowCardinality(Nullable(String)),
  consentAdUserData LowCardinality(String),
  consentAdPersonalization LowCardinality(String),
  attributes Map(String, String),
  configurationVersion Int64,
  isTest Bool,
  recordPartition UInt16,
  recordOffset UInt64,
  recordVersion UInt64
)
ENGINE = {{replacing(recordVersion)}}
ORDER BY signalId;

-- lifecycle.signalled.v1
DROP TABLE IF EXISTS lifecycle_signals_queue;
DROP VIEW IF EXISTS lifecycle_signals_intake;
DROP VIEW IF EXISTS lifecycle_signals_feed;
DROP VIEW IF EXISTS lifecycle_signals_undecoded;
DROP VIEW IF EXISTS lifecycle_signals_republished;
DROP TABLE IF EXISTS lifecycle_signals_stream;

CREATE TABLE IF NOT EXISTS lifecycle_signals_queue
(
  signalId UUID,
  phase LowCardinality(String),
  signal String,
  customerKey String,
  customerId Nullable(String),
  lane String,
  advertiserId String,
  conversionId Nullable(UUID),
  revision Nullable(Int32),
  eventType Nullable(String),
  offerId Nullable(String),
  campaignId Nullable(String),
  partnerId Nullable(String),
  productId Nullable(String),
  planId Nullable(String),
  ordinal Int32,
  reasonCodes Array(String),
  occurredAt DateTime64(3, 'UTC'),
  signalledAt DateTime64(3, 'UTC'),
  dueAt Nullable(DateTime64(3, 'UTC')),
  expiresAt Nullable(DateTime64(3, 'UTC')),
  triggerKind LowCardinality(String),
  triggerPartition Int32,
  triggerOffset Int64,
  revenueMicros Nullable(Int64),
  currency Nullable(String),
  predictedLtvMicros Nullable(Int64),
  subjectHashes Map(String, String),
  country Nullable(String),
  consentAdUserData LowCardinality(String),
  consentAdPersonalization LowCardinality(String),
  attributes Map(String, String),
  configurationVersion Int64,
  isTest Bool
)
ENGINE = {{kafka(lifecycle.signalled.v1)}};

CREATE TABLE IF NOT EXISTS lifecycle_signals_stream
ENGINE = Null
EMPTY AS SELECT *, {{arrival}} FROM lifecycle_signals_queue;

CREATE MATERIALIZED VIEW IF NOT EXISTS lifecycle_signals_feed TO lifecycle_signals AS
SELECT COLUMNS('^[^_]'), _record_partition AS recordPartition, _record_offset AS recordOffset, _record_offset AS recordVersion
FROM lifecycle_signals_stream
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS lifecycle_signals_undecoded TO undecoded_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _key AS key, _raw_message AS value, _error AS error, now64(3, 'UTC') AS seenAt
FROM lifecycle_signals_stream
WHERE _error != '';

CREATE MATERIALIZED VIEW IF NOT EXISTS lifecycle_signals_republished TO republished_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _partition AS republishedPartition, _offset AS republishedOffset, now64(3, 'UTC') AS seenAt
FROM lifecycle_signals_stream
WHERE _is_republished AND _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS lifecycle_signals_intake TO lifecycle_signals_stream AS
SELECT *, {{arrival}} FROM lifecycle_signals_queue;
