-- ClickHouse reads the topics itself: a queue per topic, views from it into the tables of 0001.
-- A record that cannot be decoded goes to undecoded_records with its raw bytes and does not stop the queue.

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
  kafka_broker_list = '{{kafka_brokers}}',
  kafka_topic_list = 'click.recorded.v1',
  kafka_group_name = 'clickhouse.{{database}}.click.recorded.v1',
  kafka_format = 'AvroConfluent',
  format_avro_schema_registry_url = '{{schema_registry_url}}',
  input_format_avro_allow_missing_fields = 1,
  kafka_handle_error_mode = 'stream',
  kafka_flush_interval_ms = {{flush_ms}},
  kafka_poll_timeout_ms = 50,
  kafka_thread_per_consumer = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS clicks_feed TO clicks AS
SELECT *, _partition AS recordPartition, _offset AS recordOffset, bitNot(_offset) AS recordVersion
FROM clicks_queue
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS clicks_undecoded TO undecoded_records AS
SELECT _topic AS topic, _partition AS recordPartition, _offset AS recordOffset, _key AS key, _raw_message AS value, _error AS error, now64(3, 'UTC') AS seenAt
FROM clicks_queue
WHERE _error != '';

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
  kafka_broker_list = '{{kafka_brokers}}',
  kafka_topic_list = 'postback.received.v1',
  kafka_group_name = 'clickhouse.{{database}}.postback.received.v1',
  kafka_format = 'AvroConfluent',
  format_avro_schema_registry_url = '{{schema_registry_url}}',
  input_format_avro_allow_missing_fields = 1,
  kafka_handle_error_mode = 'stream',
  kafka_flush_interval_ms = {{flush_ms}},
  kafka_poll_timeout_ms = 50,
  kafka_thread_per_consumer = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS postbacks_feed TO postbacks AS
SELECT *, _partition AS recordPartition, _offset AS recordOffset, bitNot(_offset) AS recordVersion
FROM postbacks_queue
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS postbacks_undecoded TO undecoded_records AS
SELECT _topic AS topic, _partition AS recordPartition, _offset AS recordOffset, _key AS key, _raw_message AS value, _error AS error, now64(3, 'UTC') AS seenAt
FROM postbacks_queue
WHERE _error != '';

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
  kafka_broker_list = '{{kafka_brokers}}',
  kafka_topic_list = 'postback.refused.v1',
  kafka_group_name = 'clickhouse.{{database}}.postback.refused.v1',
  kafka_format = 'AvroConfluent',
  format_avro_schema_registry_url = '{{schema_registry_url}}',
  input_format_avro_allow_missing_fields = 1,
  kafka_handle_error_mode = 'stream',
  kafka_flush_interval_ms = {{flush_ms}},
  kafka_poll_timeout_ms = 50,
  kafka_thread_per_consumer = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS refused_postbacks_feed TO refused_postbacks AS
SELECT *, _partition AS recordPartition, _offset AS recordOffset, bitNot(_offset) AS recordVersion
FROM refused_postbacks_queue
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS refused_postbacks_undecoded TO undecoded_records AS
SELECT _topic AS topic, _partition AS recordPartition, _offset AS recordOffset, _key AS key, _raw_message AS value, _error AS error, now64(3, 'UTC') AS seenAt
FROM refused_postbacks_queue
WHERE _error != '';

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
  kafka_broker_list = '{{kafka_brokers}}',
  kafka_topic_list = 'postback.judged.v1',
  kafka_group_name = 'clickhouse.{{database}}.postback.judged.v1',
  kafka_format = 'AvroConfluent',
  format_avro_schema_registry_url = '{{schema_registry_url}}',
  input_format_avro_allow_missing_fields = 1,
  kafka_handle_error_mode = 'stream',
  kafka_flush_interval_ms = {{flush_ms}},
  kafka_poll_timeout_ms = 50,
  kafka_thread_per_consumer = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS receipts_feed TO receipts AS
SELECT *, _partition AS recordPartition, _offset AS recordOffset, bitNot(_offset) AS recordVersion
FROM receipts_queue
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS receipts_undecoded TO undecoded_records AS
SELECT _topic AS topic, _partition AS recordPartition, _offset AS recordOffset, _key AS key, _raw_message AS value, _error AS error, now64(3, 'UTC') AS seenAt
FROM receipts_queue
WHERE _error != '';

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
  kafka_broker_list = '{{kafka_brokers}}',
  kafka_topic_list = 'conversion.decided.v1',
  kafka_group_name = 'clickhouse.{{database}}.conversion.decided.v1',
  kafka_format = 'AvroConfluent',
  format_avro_schema_registry_url = '{{schema_registry_url}}',
  input_format_avro_allow_missing_fields = 1,
  kafka_handle_error_mode = 'stream',
  kafka_flush_interval_ms = {{flush_ms}},
  kafka_poll_timeout_ms = 50,
  kafka_thread_per_consumer = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS decisions_feed TO decisions AS
SELECT *, _partition AS recordPartition, _offset AS recordOffset, bitNot(_offset) AS recordVersion
FROM decisions_queue
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS conversions_feed TO conversions AS
SELECT
  *,
  _partition AS recordPartition,
  _offset AS recordOffset,
  bitOr(bitShiftLeft(toUInt64(revision), 48), bitAnd(bitNot(_offset), 0xFFFFFFFFFFFF)) AS recordVersion
FROM decisions_queue
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS decisions_undecoded TO undecoded_records AS
SELECT _topic AS topic, _partition AS recordPartition, _offset AS recordOffset, _key AS key, _raw_message AS value, _error AS error, now64(3, 'UTC') AS seenAt
FROM decisions_queue
WHERE _error != '';

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
  kafka_broker_list = '{{kafka_brokers}}',
  kafka_topic_list = 'delivery.attempted.v1',
  kafka_group_name = 'clickhouse.{{database}}.delivery.attempted.v1',
  kafka_format = 'AvroConfluent',
  format_avro_schema_registry_url = '{{schema_registry_url}}',
  input_format_avro_allow_missing_fields = 1,
  kafka_handle_error_mode = 'stream',
  kafka_flush_interval_ms = {{flush_ms}},
  kafka_poll_timeout_ms = 50,
  kafka_thread_per_consumer = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_attempts_feed TO delivery_attempts AS
SELECT *, _partition AS recordPartition, _offset AS recordOffset, bitNot(_offset) AS recordVersion
FROM delivery_attempts_queue
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
  _partition AS recordPartition,
  _offset AS recordOffset,
  bitOr(
    bitShiftLeft(toUInt64(delivery.attempt) * 2 + (phase = 'ended'), 48),
    bitAnd(bitNot(_offset), 0xFFFFFFFFFFFF)
  ) AS recordVersion
FROM delivery_attempts_queue
ARRAY JOIN deliveries AS delivery
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_attempts_undecoded TO undecoded_records AS
SELECT _topic AS topic, _partition AS recordPartition, _offset AS recordOffset, _key AS key, _raw_message AS value, _error AS error, now64(3, 'UTC') AS seenAt
FROM delivery_attempts_queue
WHERE _error != '';

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
  kafka_broker_list = '{{kafka_brokers}}',
  kafka_topic_list = 'dead-letter.v1',
  kafka_group_name = 'clickhouse.{{database}}.dead-letter.v1',
  kafka_format = 'AvroConfluent',
  format_avro_schema_registry_url = '{{schema_registry_url}}',
  input_format_avro_allow_missing_fields = 1,
  kafka_handle_error_mode = 'stream',
  kafka_flush_interval_ms = {{flush_ms}},
  kafka_poll_timeout_ms = 50,
  kafka_thread_per_consumer = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS dead_letters_feed TO dead_letters AS
SELECT *, _partition AS recordPartition, _offset AS recordOffset, bitNot(_offset) AS recordVersion
FROM dead_letters_queue
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS dead_letters_undecoded TO undecoded_records AS
SELECT _topic AS topic, _partition AS recordPartition, _offset AS recordOffset, _key AS key, _raw_message AS value, _error AS error, now64(3, 'UTC') AS seenAt
FROM dead_letters_queue
WHERE _error != '';

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
  kafka_broker_list = '{{kafka_brokers}}',
  kafka_topic_list = 'configuration.changed.v1',
  kafka_group_name = 'clickhouse.{{database}}.configuration.changed.v1',
  kafka_format = 'AvroConfluent',
  format_avro_schema_registry_url = '{{schema_registry_url}}',
  input_format_avro_allow_missing_fields = 1,
  kafka_handle_error_mode = 'stream',
  kafka_flush_interval_ms = {{flush_ms}},
  kafka_poll_timeout_ms = 50,
  kafka_thread_per_consumer = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS configuration_changes_feed TO configuration_changes AS
SELECT *, _partition AS recordPartition, _offset AS recordOffset, bitNot(_offset) AS recordVersion
FROM configuration_changes_queue
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS configuration_changes_undecoded TO undecoded_records AS
SELECT _topic AS topic, _partition AS recordPartition, _offset AS recordOffset, _key AS key, _raw_message AS value, _error AS error, now64(3, 'UTC') AS seenAt
FROM configuration_changes_queue
WHERE _error != '';
