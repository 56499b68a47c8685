-- Replays of dead letters: the orders to fan-out, and the runs they belong to.

-- One row per order to attempt a delivery again.
-- Key: the run, whose orders are counted together; commandId is derived from run and dead letter, so ordered twice is one row.
CREATE TABLE IF NOT EXISTS delivery_commands
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
ENGINE = {{replacing(recordVersion)}}
ORDER BY (runId, commandId)
SETTINGS index_granularity = 1024;

-- One row per step of a run: ordered, progressed, stopped, completed.
-- Key: run, step and number: every step stays; of two with one number, by two processes of console, the first in the log counts.
CREATE TABLE IF NOT EXISTS replays
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
ENGINE = {{replacing(recordVersion)}}
ORDER BY (runId, step, sequence);

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
ENGINE = {{kafka(delivery.commanded.v1)}};

CREATE TABLE IF NOT EXISTS delivery_commands_stream
ENGINE = Null
EMPTY AS SELECT *, {{arrival}} FROM delivery_commands_queue;

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
SELECT *, {{arrival}} FROM delivery_commands_queue;

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
ENGINE = {{kafka(replay.recorded.v1)}};

CREATE TABLE IF NOT EXISTS replays_stream
ENGINE = Null
EMPTY AS SELECT *, {{arrival}} FROM replays_queue;

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
SELECT *, {{arrival}} FROM replays_queue;
