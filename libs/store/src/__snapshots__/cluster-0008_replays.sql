-- Replays of dead letters: the orders to fan-out, and the runs they belong to.

-- One row per order to attempt a delivery again.
-- Key: the run, whose orders are counted together; commandId is derived from run and dead letter, so ordered twice is one row.
CREATE TABLE IF NOT EXISTS delivery_commands_local
(
  commandId UUID,
  command LowCardinality(String),
  runId UUID,
  deadLetterId UUID,
  conversionId UUID,
  deliveryId UUID,
  destinationId LowCardinality(String),
  expectedAttempt Int32,
  accepts Array(String),
  issuedAt DateTime64(3, 'UTC'),
  actor LowCardinality(String),
  configurationVersion Int64,
  isTest Bool,
  recordPartition UInt16,
  recordOffset UInt64,
  recordVersion UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', recordVersion)
ORDER BY (runId, commandId)
SETTINGS index_granularity = 1024;

CREATE TABLE IF NOT EXISTS delivery_commands AS delivery_commands_local
ENGINE = Distributed('main', 'tributary', 'delivery_commands_local', cityHash64(runId));

-- One row per step of a run: ordered, progressed, stopped, completed.
-- Key: run, step and number: every step stays; of two with one number, by two processes of console, the first in the log counts.
CREATE TABLE IF NOT EXISTS replays_local
(
  runId UUID,
  sequence Int32,
  step LowCardinality(String),
  filter String,
  until DateTime64(3, 'UTC'),
  accepts Array(String),
  planDigest String,
  planned Array(Tuple(class String, count Int32)),
  ratePerSecond Int32,
  afterId Nullable(UUID),
  ordered Int32,
  passedOver Int32,
  recordedAt DateTime64(3, 'UTC'),
  actor LowCardinality(String),
  instanceId String,
  configurationVersion Int64,
  recordPartition UInt16,
  recordOffset UInt64,
  recordVersion UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', recordVersion)
ORDER BY (runId, step, sequence);

CREATE TABLE IF NOT EXISTS replays AS replays_local
ENGINE = Distributed('main', 'tributary', 'replays_local', cityHash64(runId));

-- delivery.commanded.v1
CREATE TABLE IF NOT EXISTS delivery_commands_queue
(
  commandId UUID,
  command String,
  runId UUID,
  deadLetterId UUID,
  conversionId UUID,
  deliveryId UUID,
  destinationId String,
  expectedAttempt Int32,
  accepts Array(String),
  issuedAt DateTime64(3, 'UTC'),
  actor String,
  configurationVersion Int64,
  isTest Bool
)
ENGINE = Kafka
SETTINGS
  kafka_broker_list = 'kafka-1:9092,kafka-2:9092',
  kafka_topic_list = 'delivery.commanded.v1',
  kafka_group_name = 'clickhouse.tributary.delivery.commanded.v1',
  kafka_format = 'AvroConfluent',
  format_avro_schema_registry_url = 'http://registry:8085',
  input_format_avro_allow_missing_fields = 1,
  kafka_handle_error_mode = 'stream',
  kafka_flush_interval_ms = 1000,
  kafka_poll_timeout_ms = 50,
  kafka_thread_per_consumer = 1;

CREATE TABLE IF NOT EXISTS delivery_commands_stream
ENGINE = Null
EMPTY AS SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM delivery_commands_queue;

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_commands_feed TO delivery_commands AS
SELECT COLUMNS('^[^_]'), _record_partition AS recordPartition, _record_offset AS recordOffset, bitNot(_record_offset) AS recordVersion
FROM delivery_commands_stream
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_commands_undecoded TO undecoded_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _key AS key, _raw_message AS value, _error AS error, now64(3, 'UTC') AS seenAt
FROM delivery_commands_stream
WHERE _error != '';

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_commands_republished TO republished_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _partition AS republishedPartition, _offset AS republishedOffset, now64(3, 'UTC') AS seenAt
FROM delivery_commands_stream
WHERE _is_republished AND _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_commands_intake TO delivery_commands_stream AS
SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM delivery_commands_queue;

-- replay.recorded.v1
CREATE TABLE IF NOT EXISTS replays_queue
(
  runId UUID,
  sequence Int32,
  step String,
  filter String,
  until DateTime64(3, 'UTC'),
  accepts Array(String),
  planDigest String,
  planned Array(Tuple(class String, count Int32)),
  ratePerSecond Int32,
  afterId Nullable(UUID),
  ordered Int32,
  passedOver Int32,
  recordedAt DateTime64(3, 'UTC'),
  actor String,
  instanceId String,
  configurationVersion Int64
)
ENGINE = Kafka
SETTINGS
  kafka_broker_list = 'kafka-1:9092,kafka-2:9092',
  kafka_topic_list = 'replay.recorded.v1',
  kafka_group_name = 'clickhouse.tributary.replay.recorded.v1',
  kafka_format = 'AvroConfluent',
  format_avro_schema_registry_url = 'http://registry:8085',
  input_format_avro_allow_missing_fields = 1,
  kafka_handle_error_mode = 'stream',
  kafka_flush_interval_ms = 1000,
  kafka_poll_timeout_ms = 50,
  kafka_thread_per_consumer = 1;

CREATE TABLE IF NOT EXISTS replays_stream
ENGINE = Null
EMPTY AS SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM replays_queue;

CREATE MATERIALIZED VIEW IF NOT EXISTS replays_feed TO replays AS
SELECT COLUMNS('^[^_]'), _record_partition AS recordPartition, _record_offset AS recordOffset, bitNot(_record_offset) AS recordVersion
FROM replays_stream
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS replays_undecoded TO undecoded_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _key AS key, _raw_message AS value, _error AS error, now64(3, 'UTC') AS seenAt
FROM replays_stream
WHERE _error != '';

CREATE MATERIALIZED VIEW IF NOT EXISTS replays_republished TO republished_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _partition AS republishedPartition, _offset AS republishedOffset, now64(3, 'UTC') AS seenAt
FROM replays_stream
WHERE _is_republished AND _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS replays_intake TO replays_stream AS
SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM replays_queue;
