-- The feeds anew, so that none loses a row while it is changed, and undecoded records are published again.
-- supersedes 0002_feeds.sql
--
-- A queue reads as soon as one view hangs on it, and commits for all of them: with several views, whatever it reads while
-- they are being attached is lost to those that come later. So each queue has one view, the intake, which is attached last
-- and detached by dropping the queue. It fills a stream, a table that stores nothing, and the views on the stream fill the
-- tables. Measured on 26.7: an exception in any of them reaches the queue, which then commits nothing and reads again.
--
--   x_queue ── x_intake ──► x_stream ──┬─ x_feed ────────► x
--                                      ├─ x_undecoded ───► undecoded_records
--                                      └─ x_republished ─► republished_records
--
-- To change a feed: these statements again, in this order, with the table altered before the queue is created.

-- One row per record that was published again and then decoded.
-- Key: where the record stood first, as in undecoded_records: a row there with a row here is closed.
CREATE TABLE IF NOT EXISTS republished_records_local
(
  topic LowCardinality(String),
  recordPartition UInt16,
  recordOffset UInt64,
  republishedPartition UInt16,
  republishedOffset UInt64,
  seenAt DateTime64(3, 'UTC')
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', seenAt)
ORDER BY (topic, recordPartition, recordOffset);

CREATE TABLE IF NOT EXISTS republished_records AS republished_records_local
ENGINE = Distributed('main', 'tributary', 'republished_records_local', cityHash64(topic));

-- The undecoded records nobody has dealt with yet: neither decoded since, nor set aside as a dead letter. Nothing of such
-- a record is in its table, so its topic counts as stored only up to the first of them.
-- GLOBAL, because on a cluster these are distributed tables.
CREATE OR REPLACE VIEW open_undecoded_records AS
SELECT topic, recordPartition, recordOffset, key, value, error, seenAt
FROM undecoded_records FINAL
WHERE (topic, recordPartition, recordOffset) GLOBAL NOT IN (
    SELECT topic, recordPartition, recordOffset FROM republished_records
  )
  AND (topic, recordPartition, recordOffset) GLOBAL NOT IN (
    SELECT topic, toUInt16(partition), toUInt64(offset) FROM dead_letters WHERE kind = 'record'
  );

-- click.recorded.v1
DROP TABLE IF EXISTS clicks_queue;

DROP VIEW IF EXISTS clicks_intake;

DROP VIEW IF EXISTS clicks_feed;

DROP VIEW IF EXISTS clicks_undecoded;

DROP VIEW IF EXISTS clicks_republished;

DROP TABLE IF EXISTS clicks_stream;

CREATE TABLE IF NOT EXISTS clicks_queue
(
  clickId UUID,
  kind LowCardinality(String),
  advertiserId String,
  offerId String,
  campaignId String,
  partnerId Nullable(String),
  partnerClickId Nullable(String),
  clickedAt DateTime64(3, 'UTC'),
  receivedAt DateTime64(3, 'UTC'),
  subIds Map(String, String),
  utm Map(String, String),
  adPlatformIds Array(Tuple(name String, value String, firstSeenAt DateTime64(3, 'UTC'))),
  landingUrl Nullable(String),
  referrer Nullable(String),
  userAgent Nullable(String),
  country Nullable(String),
  ipHash Nullable(String),
  ipCiphertext Nullable(String),
  subjectHashes Map(String, String),
  customerId Nullable(String),
  consentAdUserData LowCardinality(String),
  consentAdPersonalization LowCardinality(String),
  costMicros Nullable(Int64),
  costCurrency Nullable(String),
  automation Nullable(String),
  extras Map(String, String),
  configurationVersion Int64,
  isTest Bool
)
ENGINE = Kafka
SETTINGS
  kafka_broker_list = 'kafka-1:9092,kafka-2:9092',
  kafka_topic_list = 'click.recorded.v1',
  kafka_group_name = 'clickhouse.tributary.click.recorded.v1',
  kafka_format = 'AvroConfluent',
  format_avro_schema_registry_url = 'http://registry:8085',
  input_format_avro_allow_missing_fields = 1,
  kafka_handle_error_mode = 'stream',
  kafka_flush_interval_ms = 1000,
  kafka_poll_timeout_ms = 50,
  kafka_thread_per_consumer = 1;

CREATE TABLE IF NOT EXISTS clicks_stream
ENGINE = Null
EMPTY AS SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM clicks_queue;

CREATE MATERIALIZED VIEW IF NOT EXISTS clicks_feed TO clicks AS
SELECT COLUMNS('^[^_]'), _record_partition AS recordPartition, _record_offset AS recordOffset, bitNot(_record_offset) AS recordVersion
FROM clicks_stream
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS clicks_undecoded TO undecoded_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _key AS key, _raw_message AS value, _error AS error, now64(3, 'UTC') AS seenAt
FROM clicks_stream
WHERE _error != '';

CREATE MATERIALIZED VIEW IF NOT EXISTS clicks_republished TO republished_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _partition AS republishedPartition, _offset AS republishedOffset, now64(3, 'UTC') AS seenAt
FROM clicks_stream
WHERE _is_republished AND _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS clicks_intake TO clicks_stream AS
SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM clicks_queue;

-- postback.received.v1
DROP TABLE IF EXISTS postbacks_queue;

DROP VIEW IF EXISTS postbacks_intake;

DROP VIEW IF EXISTS postbacks_feed;

DROP VIEW IF EXISTS postbacks_undecoded;

DROP VIEW IF EXISTS postbacks_republished;

DROP TABLE IF EXISTS postbacks_stream;

CREATE TABLE IF NOT EXISTS postbacks_queue
(
  receiptId UUID,
  sourceId String,
  lane String,
  advertiserId String,
  receivedAt DateTime64(3, 'UTC'),
  occurredAt DateTime64(3, 'UTC'),
  occurredAtIsAssumed Bool,
  eventType String,
  eventTypeSent Nullable(String),
  status LowCardinality(String),
  statusSent Nullable(String),
  clickId Nullable(String),
  transactionId Nullable(String),
  originalTransactionId Nullable(String),
  reversalId Nullable(String),
  customerId Nullable(String),
  revenueMicros Nullable(Int64),
  currency Nullable(String),
  taxMicros Nullable(Int64),
  shippingMicros Nullable(Int64),
  predictedLtvMicros Nullable(Int64),
  productId Nullable(String),
  planId Nullable(String),
  couponCode Nullable(String),
  quantity Nullable(Int32),
  subIds Map(String, String),
  extras Map(String, String),
  subjectHashes Map(String, String),
  ipCiphertext Nullable(String),
  userAgent Nullable(String),
  country Nullable(String),
  consentAdUserData LowCardinality(String),
  consentAdPersonalization LowCardinality(String),
  authenticatedBy Array(String),
  nonceHash Nullable(String),
  idempotencyKeyHash Nullable(String),
  contentDigest String,
  rawCall String,
  warnings Array(String),
  configurationVersion Int64,
  isTest Bool
)
ENGINE = Kafka
SETTINGS
  kafka_broker_list = 'kafka-1:9092,kafka-2:9092',
  kafka_topic_list = 'postback.received.v1',
  kafka_group_name = 'clickhouse.tributary.postback.received.v1',
  kafka_format = 'AvroConfluent',
  format_avro_schema_registry_url = 'http://registry:8085',
  input_format_avro_allow_missing_fields = 1,
  kafka_handle_error_mode = 'stream',
  kafka_flush_interval_ms = 1000,
  kafka_poll_timeout_ms = 50,
  kafka_thread_per_consumer = 1;

CREATE TABLE IF NOT EXISTS postbacks_stream
ENGINE = Null
EMPTY AS SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM postbacks_queue;

CREATE MATERIALIZED VIEW IF NOT EXISTS postbacks_feed TO postbacks AS
SELECT COLUMNS('^[^_]'), _record_partition AS recordPartition, _record_offset AS recordOffset, bitNot(_record_offset) AS recordVersion
FROM postbacks_stream
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS postbacks_undecoded TO undecoded_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _key AS key, _raw_message AS value, _error AS error, now64(3, 'UTC') AS seenAt
FROM postbacks_stream
WHERE _error != '';

CREATE MATERIALIZED VIEW IF NOT EXISTS postbacks_republished TO republished_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _partition AS republishedPartition, _offset AS republishedOffset, now64(3, 'UTC') AS seenAt
FROM postbacks_stream
WHERE _is_republished AND _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS postbacks_intake TO postbacks_stream AS
SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM postbacks_queue;

-- postback.refused.v1
DROP TABLE IF EXISTS refused_postbacks_queue;

DROP VIEW IF EXISTS refused_postbacks_intake;

DROP VIEW IF EXISTS refused_postbacks_feed;

DROP VIEW IF EXISTS refused_postbacks_undecoded;

DROP VIEW IF EXISTS refused_postbacks_republished;

DROP TABLE IF EXISTS refused_postbacks_stream;

CREATE TABLE IF NOT EXISTS refused_postbacks_queue
(
  refusalId UUID,
  sourceId String,
  advertiserId Nullable(String),
  receivedAt DateTime64(3, 'UTC'),
  reasonCode String,
  field Nullable(String),
  expected Nullable(String),
  contentDigest String,
  rawCall String,
  configurationVersion Int64,
  isTest Bool
)
ENGINE = Kafka
SETTINGS
  kafka_broker_list = 'kafka-1:9092,kafka-2:9092',
  kafka_topic_list = 'postback.refused.v1',
  kafka_group_name = 'clickhouse.tributary.postback.refused.v1',
  kafka_format = 'AvroConfluent',
  format_avro_schema_registry_url = 'http://registry:8085',
  input_format_avro_allow_missing_fields = 1,
  kafka_handle_error_mode = 'stream',
  kafka_flush_interval_ms = 1000,
  kafka_poll_timeout_ms = 50,
  kafka_thread_per_consumer = 1;

CREATE TABLE IF NOT EXISTS refused_postbacks_stream
ENGINE = Null
EMPTY AS SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM refused_postbacks_queue;

CREATE MATERIALIZED VIEW IF NOT EXISTS refused_postbacks_feed TO refused_postbacks AS
SELECT COLUMNS('^[^_]'), _record_partition AS recordPartition, _record_offset AS recordOffset, bitNot(_record_offset) AS recordVersion
FROM refused_postbacks_stream
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS refused_postbacks_undecoded TO undecoded_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _key AS key, _raw_message AS value, _error AS error, now64(3, 'UTC') AS seenAt
FROM refused_postbacks_stream
WHERE _error != '';

CREATE MATERIALIZED VIEW IF NOT EXISTS refused_postbacks_republished TO republished_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _partition AS republishedPartition, _offset AS republishedOffset, now64(3, 'UTC') AS seenAt
FROM refused_postbacks_stream
WHERE _is_republished AND _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS refused_postbacks_intake TO refused_postbacks_stream AS
SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM refused_postbacks_queue;

-- postback.judged.v1
DROP TABLE IF EXISTS receipts_queue;

DROP VIEW IF EXISTS receipts_intake;

DROP VIEW IF EXISTS receipts_feed;

DROP VIEW IF EXISTS receipts_undecoded;

DROP VIEW IF EXISTS receipts_republished;

DROP TABLE IF EXISTS receipts_stream;

CREATE TABLE IF NOT EXISTS receipts_queue
(
  receiptId UUID,
  sourceId String,
  lane String,
  advertiserId String,
  verdict LowCardinality(String),
  reasonCode Nullable(String),
  conversionId Nullable(UUID),
  revision Nullable(Int32),
  receivedAt DateTime64(3, 'UTC'),
  judgedAt DateTime64(3, 'UTC'),
  triggerPartition Int32,
  triggerOffset Int64,
  configurationVersion Int64,
  isTest Bool
)
ENGINE = Kafka
SETTINGS
  kafka_broker_list = 'kafka-1:9092,kafka-2:9092',
  kafka_topic_list = 'postback.judged.v1',
  kafka_group_name = 'clickhouse.tributary.postback.judged.v1',
  kafka_format = 'AvroConfluent',
  format_avro_schema_registry_url = 'http://registry:8085',
  input_format_avro_allow_missing_fields = 1,
  kafka_handle_error_mode = 'stream',
  kafka_flush_interval_ms = 1000,
  kafka_poll_timeout_ms = 50,
  kafka_thread_per_consumer = 1;

CREATE TABLE IF NOT EXISTS receipts_stream
ENGINE = Null
EMPTY AS SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM receipts_queue;

CREATE MATERIALIZED VIEW IF NOT EXISTS receipts_feed TO receipts AS
SELECT COLUMNS('^[^_]'), _record_partition AS recordPartition, _record_offset AS recordOffset, bitNot(_record_offset) AS recordVersion
FROM receipts_stream
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS receipts_undecoded TO undecoded_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _key AS key, _raw_message AS value, _error AS error, now64(3, 'UTC') AS seenAt
FROM receipts_stream
WHERE _error != '';

CREATE MATERIALIZED VIEW IF NOT EXISTS receipts_republished TO republished_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _partition AS republishedPartition, _offset AS republishedOffset, now64(3, 'UTC') AS seenAt
FROM receipts_stream
WHERE _is_republished AND _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS receipts_intake TO receipts_stream AS
SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM receipts_queue;

-- conversion.decided.v1
DROP TABLE IF EXISTS decisions_queue;

DROP VIEW IF EXISTS decisions_intake;

DROP VIEW IF EXISTS decisions_feed;

DROP VIEW IF EXISTS conversions_feed;

DROP VIEW IF EXISTS decisions_undecoded;

DROP VIEW IF EXISTS decisions_republished;

DROP TABLE IF EXISTS decisions_stream;

CREATE TABLE IF NOT EXISTS decisions_queue
(
  conversionId UUID,
  revision Int32,
  lane String,
  advertiserId String,
  offerId Nullable(String),
  campaignId Nullable(String),
  partnerId Nullable(String),
  sourceId String,
  receiptId UUID,
  eventType String,
  eventClass String,
  transactionId Nullable(String),
  originalConversionId Nullable(UUID),
  customerId Nullable(String),
  status LowCardinality(String),
  match LowCardinality(String),
  state LowCardinality(String),
  reasonCodes Array(String),
  occurredAt DateTime64(3, 'UTC'),
  receivedAt DateTime64(3, 'UTC'),
  decidedAt DateTime64(3, 'UTC'),
  parkedUntil Nullable(DateTime64(3, 'UTC')),
  heldUntil Nullable(DateTime64(3, 'UTC')),
  triggerKind LowCardinality(String),
  triggerPartition Int32,
  triggerOffset Int64,
  revenueMicros Nullable(Int64),
  currency Nullable(String),
  payoutMicros Nullable(Int64),
  payoutCurrency Nullable(String),
  payoutRule Nullable(String),
  reversedRevenueMicros Nullable(Int64),
  reversedPayoutMicros Nullable(Int64),
  taxMicros Nullable(Int64),
  shippingMicros Nullable(Int64),
  predictedLtvMicros Nullable(Int64),
  exchangeRateId Nullable(String),
  isFirstOfCustomer Nullable(Bool),
  model String,
  credits Array(Tuple(clickId UUID, partnerId Nullable(String), numerator Int32, denominator Int32)),
  candidates Array(Tuple(clickId String, campaignId Nullable(String), clickedAt Nullable(DateTime64(3, 'UTC')), outcome String, reasonCode Nullable(String))),
  clickId Nullable(UUID),
  clickedAt Nullable(DateTime64(3, 'UTC')),
  partnerClickId Nullable(String),
  clickSubIds Map(String, String),
  adPlatformIds Array(Tuple(name String, value String, firstSeenAt DateTime64(3, 'UTC'))),
  landingUrl Nullable(String),
  clickUserAgent Nullable(String),
  clickCountry Nullable(String),
  clickIpCiphertext Nullable(String),
  subIds Map(String, String),
  extras Map(String, String),
  productId Nullable(String),
  planId Nullable(String),
  couponCode Nullable(String),
  subjectHashes Map(String, String),
  ipCiphertext Nullable(String),
  userAgent Nullable(String),
  country Nullable(String),
  consentAdUserData LowCardinality(String),
  consentAdPersonalization LowCardinality(String),
  valueDigest String,
  configurationVersion Int64,
  isTest Bool
)
ENGINE = Kafka
SETTINGS
  kafka_broker_list = 'kafka-1:9092,kafka-2:9092',
  kafka_topic_list = 'conversion.decided.v1',
  kafka_group_name = 'clickhouse.tributary.conversion.decided.v1',
  kafka_format = 'AvroConfluent',
  format_avro_schema_registry_url = 'http://registry:8085',
  input_format_avro_allow_missing_fields = 1,
  kafka_handle_error_mode = 'stream',
  kafka_flush_interval_ms = 1000,
  kafka_poll_timeout_ms = 50,
  kafka_thread_per_consumer = 1;

CREATE TABLE IF NOT EXISTS decisions_stream
ENGINE = Null
EMPTY AS SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM decisions_queue;

CREATE MATERIALIZED VIEW IF NOT EXISTS decisions_feed TO decisions AS
SELECT COLUMNS('^[^_]'), _record_partition AS recordPartition, _record_offset AS recordOffset, bitNot(_record_offset) AS recordVersion
FROM decisions_stream
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS conversions_feed TO conversions AS
SELECT
  COLUMNS('^[^_]'),
  _record_partition AS recordPartition,
  _record_offset AS recordOffset,
  bitOr(bitShiftLeft(toUInt64(revision), 48), bitAnd(bitNot(_record_offset), 0xFFFFFFFFFFFF)) AS recordVersion
FROM decisions_stream
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS decisions_undecoded TO undecoded_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _key AS key, _raw_message AS value, _error AS error, now64(3, 'UTC') AS seenAt
FROM decisions_stream
WHERE _error != '';

CREATE MATERIALIZED VIEW IF NOT EXISTS decisions_republished TO republished_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _partition AS republishedPartition, _offset AS republishedOffset, now64(3, 'UTC') AS seenAt
FROM decisions_stream
WHERE _is_republished AND _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS decisions_intake TO decisions_stream AS
SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM decisions_queue;

-- delivery.attempted.v1
DROP TABLE IF EXISTS delivery_attempts_queue;

DROP VIEW IF EXISTS delivery_attempts_intake;

DROP VIEW IF EXISTS delivery_attempts_feed;

DROP VIEW IF EXISTS deliveries_feed;

DROP VIEW IF EXISTS delivery_attempts_undecoded;

DROP VIEW IF EXISTS delivery_attempts_republished;

DROP TABLE IF EXISTS delivery_attempts_stream;

CREATE TABLE IF NOT EXISTS delivery_attempts_queue
(
  requestId UUID,
  phase LowCardinality(String),
  destinationId String,
  definition String,
  definitionVersion String,
  advertiserId String,
  deliveries Array(Tuple(deliveryId UUID, conversionId UUID, revision Int32, outwardEvent String, attempt Int32, outcome LowCardinality(Nullable(String)), reasonCode Nullable(String), contentDigest String, nextAttemptAt Nullable(DateTime64(3, 'UTC')))),
  method String,
  url String,
  requestHeaders Map(String, String),
  requestBody Nullable(String),
  responseStatus Nullable(Int32),
  responseHeaders Map(String, String),
  responseBody Nullable(String),
  errorCode Nullable(String),
  startedAt DateTime64(3, 'UTC'),
  endedAt Nullable(DateTime64(3, 'UTC')),
  durationMs Nullable(Int32),
  configurationVersion Int64,
  isTest Bool
)
ENGINE = Kafka
SETTINGS
  kafka_broker_list = 'kafka-1:9092,kafka-2:9092',
  kafka_topic_list = 'delivery.attempted.v1',
  kafka_group_name = 'clickhouse.tributary.delivery.attempted.v1',
  kafka_format = 'AvroConfluent',
  format_avro_schema_registry_url = 'http://registry:8085',
  input_format_avro_allow_missing_fields = 1,
  kafka_handle_error_mode = 'stream',
  kafka_flush_interval_ms = 1000,
  kafka_poll_timeout_ms = 50,
  kafka_thread_per_consumer = 1;

CREATE TABLE IF NOT EXISTS delivery_attempts_stream
ENGINE = Null
EMPTY AS SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM delivery_attempts_queue;

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_attempts_feed TO delivery_attempts AS
SELECT COLUMNS('^[^_]'), _record_partition AS recordPartition, _record_offset AS recordOffset, bitNot(_record_offset) AS recordVersion
FROM delivery_attempts_stream
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS deliveries_feed TO deliveries AS
SELECT
  delivery.deliveryId AS deliveryId,
  delivery.conversionId AS conversionId,
  delivery.revision AS revision,
  destinationId,
  advertiserId,
  delivery.outwardEvent AS outwardEvent,
  delivery.attempt AS attempt,
  phase,
  delivery.outcome AS outcome,
  delivery.reasonCode AS reasonCode,
  delivery.contentDigest AS contentDigest,
  delivery.nextAttemptAt AS nextAttemptAt,
  startedAt,
  endedAt,
  requestId,
  isTest,
  _record_partition AS recordPartition,
  _record_offset AS recordOffset,
  bitOr(
    bitShiftLeft(toUInt64(delivery.attempt) * 2 + (phase = 'ended'), 48),
    bitAnd(bitNot(_record_offset), 0xFFFFFFFFFFFF)
  ) AS recordVersion
FROM delivery_attempts_stream
ARRAY JOIN deliveries AS delivery
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_attempts_undecoded TO undecoded_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _key AS key, _raw_message AS value, _error AS error, now64(3, 'UTC') AS seenAt
FROM delivery_attempts_stream
WHERE _error != '';

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_attempts_republished TO republished_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _partition AS republishedPartition, _offset AS republishedOffset, now64(3, 'UTC') AS seenAt
FROM delivery_attempts_stream
WHERE _is_republished AND _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_attempts_intake TO delivery_attempts_stream AS
SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM delivery_attempts_queue;

-- dead-letter.v1
DROP TABLE IF EXISTS dead_letters_queue;

DROP VIEW IF EXISTS dead_letters_intake;

DROP VIEW IF EXISTS dead_letters_feed;

DROP VIEW IF EXISTS dead_letters_undecoded;

DROP VIEW IF EXISTS dead_letters_republished;

DROP TABLE IF EXISTS dead_letters_stream;

CREATE TABLE IF NOT EXISTS dead_letters_queue
(
  deadLetterId UUID,
  kind LowCardinality(String),
  service String,
  reasonCode String,
  detail Nullable(String),
  topic String,
  partition Int32,
  offset Int64,
  key Nullable(String),
  value Nullable(String),
  headers Map(String, String),
  conversionId Nullable(UUID),
  deliveryId Nullable(UUID),
  destinationId Nullable(String),
  attempts Nullable(Int32),
  deadLetteredAt DateTime64(3, 'UTC')
)
ENGINE = Kafka
SETTINGS
  kafka_broker_list = 'kafka-1:9092,kafka-2:9092',
  kafka_topic_list = 'dead-letter.v1',
  kafka_group_name = 'clickhouse.tributary.dead-letter.v1',
  kafka_format = 'AvroConfluent',
  format_avro_schema_registry_url = 'http://registry:8085',
  input_format_avro_allow_missing_fields = 1,
  kafka_handle_error_mode = 'stream',
  kafka_flush_interval_ms = 1000,
  kafka_poll_timeout_ms = 50,
  kafka_thread_per_consumer = 1;

CREATE TABLE IF NOT EXISTS dead_letters_stream
ENGINE = Null
EMPTY AS SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM dead_letters_queue;

CREATE MATERIALIZED VIEW IF NOT EXISTS dead_letters_feed TO dead_letters AS
SELECT COLUMNS('^[^_]'), _record_partition AS recordPartition, _record_offset AS recordOffset, bitNot(_record_offset) AS recordVersion
FROM dead_letters_stream
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS dead_letters_undecoded TO undecoded_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _key AS key, _raw_message AS value, _error AS error, now64(3, 'UTC') AS seenAt
FROM dead_letters_stream
WHERE _error != '';

CREATE MATERIALIZED VIEW IF NOT EXISTS dead_letters_republished TO republished_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _partition AS republishedPartition, _offset AS republishedOffset, now64(3, 'UTC') AS seenAt
FROM dead_letters_stream
WHERE _is_republished AND _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS dead_letters_intake TO dead_letters_stream AS
SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM dead_letters_queue;

-- configuration.changed.v1
DROP TABLE IF EXISTS configuration_changes_queue;

DROP VIEW IF EXISTS configuration_changes_intake;

DROP VIEW IF EXISTS configuration_changes_feed;

DROP VIEW IF EXISTS configuration_changes_undecoded;

DROP VIEW IF EXISTS configuration_changes_republished;

DROP TABLE IF EXISTS configuration_changes_stream;

CREATE TABLE IF NOT EXISTS configuration_changes_queue
(
  changeId UUID,
  entityType LowCardinality(String),
  entityId String,
  operation LowCardinality(String),
  expectedVersion Int64,
  document String,
  effectiveFrom DateTime64(3, 'UTC'),
  recordedAt DateTime64(3, 'UTC'),
  actor String
)
ENGINE = Kafka
SETTINGS
  kafka_broker_list = 'kafka-1:9092,kafka-2:9092',
  kafka_topic_list = 'configuration.changed.v1',
  kafka_group_name = 'clickhouse.tributary.configuration.changed.v1',
  kafka_format = 'AvroConfluent',
  format_avro_schema_registry_url = 'http://registry:8085',
  input_format_avro_allow_missing_fields = 1,
  kafka_handle_error_mode = 'stream',
  kafka_flush_interval_ms = 1000,
  kafka_poll_timeout_ms = 50,
  kafka_thread_per_consumer = 1;

CREATE TABLE IF NOT EXISTS configuration_changes_stream
ENGINE = Null
EMPTY AS SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM configuration_changes_queue;

-- Digests of source tokens and API keys are of no use to analysts; what was stored with them is cleaned too.
CREATE MATERIALIZED VIEW IF NOT EXISTS configuration_changes_feed TO configuration_changes AS
SELECT COLUMNS('^[^_]') REPLACE (replaceRegexpAll(document, '[0-9a-fA-F]{64}', '(hash)') AS document), _record_partition AS recordPartition, _record_offset AS recordOffset, bitNot(_record_offset) AS recordVersion
FROM configuration_changes_stream
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS configuration_changes_undecoded TO undecoded_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _key AS key, _raw_message AS value, _error AS error, now64(3, 'UTC') AS seenAt
FROM configuration_changes_stream
WHERE _error != '';

CREATE MATERIALIZED VIEW IF NOT EXISTS configuration_changes_republished TO republished_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _partition AS republishedPartition, _offset AS republishedOffset, now64(3, 'UTC') AS seenAt
FROM configuration_changes_stream
WHERE _is_republished AND _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS configuration_changes_intake TO configuration_changes_stream AS
SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM configuration_changes_queue;

ALTER TABLE configuration_changes_local
UPDATE document = replaceRegexpAll(document, '[0-9a-fA-F]{64}', '(hash)')
WHERE match(document, '[0-9a-fA-F]{64}')
SETTINGS mutations_sync = 2;
