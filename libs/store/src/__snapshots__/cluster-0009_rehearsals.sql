-- Rehearsals and what a guard holds: deliveries gain the outcome `rehearsed`, for which the enumeration of the event has no
-- symbol and which is therefore missing there in a record that has ended; wrong_holdings and held_deliveries by it.
-- The feed is made anew by the order of 0003: the queue is dropped and so stops, the intake comes last.

-- Who holds a wrong number, lacks one, or may hold either, with the reason: what a person has to look at. What was
-- rehearsed is wrong only where it should have put right what the receiver holds.
DROP VIEW IF EXISTS wrong_holdings;

CREATE VIEW IF NOT EXISTS wrong_holdings AS
SELECT
  conversionId,
  destinationId,
  definition,
  advertiserId,
  event,
  kind,
  revision,
  outcome,
  reasonCode,
  mayHaveArrived AS isUncertain,
  heldState,
  heldRevenueMicros,
  heldRevenueCurrency,
  heldPayoutMicros,
  heldPayoutCurrency,
  toldState AS rightState,
  toldRevenueMicros AS rightRevenueMicros,
  toldRevenueCurrency AS rightRevenueCurrency,
  toldPayoutMicros AS rightPayoutMicros,
  toldPayoutCurrency AS rightPayoutCurrency,
  endedAt,
  isTest
FROM holdings FINAL
WHERE phase = 'ended'
  AND (outcome IN ('refused', 'dead') OR (outcome = 'rehearsed' AND (heldState IS NOT NULL OR mayHaveArrived)));

-- What the guard of a destination holds, one row per conversion, destination and event, with the amounts it would tell. It
-- goes when the guard's time is over, or once releasedAt of the guard is set to a time after decidedAt of the conversion.
CREATE VIEW IF NOT EXISTS held_deliveries AS
SELECT
  conversionId,
  destinationId,
  definition,
  advertiserId,
  event,
  deliveryId,
  kind,
  revision,
  reasonCode,
  toldState,
  toldRevenueMicros,
  toldRevenueCurrency,
  toldPayoutMicros,
  toldPayoutCurrency,
  startedAt AS heldSince
FROM holdings FINAL
WHERE phase = 'ended' AND outcome = 'retry' AND reasonCode IN ('guard_value', 'guard_currency', 'guard_rate');

-- delivery.attempted.v1
DROP TABLE IF EXISTS delivery_attempts_queue;

DROP VIEW IF EXISTS delivery_attempts_intake;

DROP VIEW IF EXISTS deliveries_feed;

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
  isTest Bool,
  holdings Array(Tuple(holdingId UUID, conversionId UUID, event String, deliveryId UUID, kind String, revision Int32, attempt Int32, tries Int32, outcome Nullable(String), reasonCode Nullable(String), nextAttemptAt Nullable(DateTime64(3, 'UTC')), mayHaveArrived Bool, repeatedFor Int32, eventRevision Nullable(Int32), heldBy Nullable(UUID), toldState Nullable(String), toldRevenueMicros Nullable(Int64), toldRevenueCurrency Nullable(String), toldPayoutMicros Nullable(Int64), toldPayoutCurrency Nullable(String), heldState Nullable(String), heldRevenueMicros Nullable(Int64), heldRevenueCurrency Nullable(String), heldPayoutMicros Nullable(Int64), heldPayoutCurrency Nullable(String)))
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
  if(phase = 'ended', ifNull(delivery.outcome, 'rehearsed'), NULL) AS outcome,
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

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_attempts_intake TO delivery_attempts_stream AS
SELECT *, _topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, 'tributary-republished-from')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset FROM delivery_attempts_queue;
