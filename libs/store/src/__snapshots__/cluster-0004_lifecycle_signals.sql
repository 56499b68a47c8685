-- Lifecycle signals: what CRM and lifecycle tools are told, as rows.

-- One row per signal: its latest phase, raised or withdrawn.
-- Key: signalId; of one signal the later record in the log counts, so the version is the offset itself.
CREATE TABLE IF NOT EXISTS lifecycle_signals_local
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', recordVersion)
ORDER BY signalId;

CREATE TABLE IF NOT EXISTS lifecycle_signals AS lifecycle_signals_local
ENGINE = Distributed('main', 'tributary', 'lifecycle_signals_local', cityHash64(signalId));

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
ENGINE = Kafka
SETTINGS
  kafka_broker_list = 'kafka-1:9092,kafka-2:9092',
  kafka_topic_list = 'lifecycle.signalled.v1',
  kafka_group_name = 'clickhouse.tributary.lifecycle.signalled.v1',
  kafka_format = 'AvroConfluent',
  format_avro_schema_registry_url = 'http://registry:8085',
  input_format_avro_allow_missing_fields = 1,
  kafka_handle_error_mode = 'stream',
  kafka_flush_interval_ms = 1000,
  kafka_poll_timeout_ms = 50,
  kafka_thread_per_consumer = 1;

CREATE TABLE IF NOT EXISTS lifecycle_signals_stream
ENGINE = Null
EMPTY AS SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM lifecycle_signals_queue;

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
SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM lifecycle_signals_queue;
