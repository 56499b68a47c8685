-- What destinations hold: fed from the holdings that each attempt carries since they are part of delivery.attempted.
-- The feed is made anew by the order of 0003: the queue is dropped and so stops, the intake comes last. A queue that is made
-- anew goes on where its group has committed.

-- One row per conversion, destination and outward event: what the receiver holds of it, and the latest delivery about it.
-- told: what the receiver holds once that delivery is delivered; held: what it held before, nothing where heldState is null.
-- toldState is null only in rows of deliveries from before this table, which are told by the revision they name.
-- Key: a conversion's holdings are asked for together; the version puts attempt and phase above the offset, as in deliveries.
CREATE TABLE IF NOT EXISTS holdings
(
  conversionId UUID,
  holdingId UUID,
  destinationId LowCardinality(String),
  definition LowCardinality(String),
  advertiserId LowCardinality(String),
  event LowCardinality(String),
  deliveryId UUID,
  kind LowCardinality(String),
  revision Int32,
  attempt Int32,
  tries Int32,
  phase LowCardinality(String),
  outcome LowCardinality(Nullable(String)),
  reasonCode LowCardinality(Nullable(String)),
  nextAttemptAt Nullable(DateTime64(3, 'UTC')),
  mayHaveArrived Bool,
  repeatedFor Int32,
  eventRevision Nullable(Int32),
  heldBy Nullable(UUID),
  toldState LowCardinality(Nullable(String)),
  toldRevenueMicros Nullable(Int64),
  toldRevenueCurrency LowCardinality(Nullable(String)),
  toldPayoutMicros Nullable(Int64),
  toldPayoutCurrency LowCardinality(Nullable(String)),
  heldState LowCardinality(Nullable(String)),
  heldRevenueMicros Nullable(Int64),
  heldRevenueCurrency LowCardinality(Nullable(String)),
  heldPayoutMicros Nullable(Int64),
  heldPayoutCurrency LowCardinality(Nullable(String)),
  startedAt DateTime64(3, 'UTC'),
  endedAt Nullable(DateTime64(3, 'UTC')),
  requestId UUID,
  isTest Bool,
  recordPartition UInt16,
  recordOffset UInt64,
  recordVersion UInt64
)
ENGINE = {{replacing(recordVersion)}}
ORDER BY (conversionId, holdingId)
SETTINGS index_granularity = 1024;

-- Who holds a wrong number, lacks one, or may hold either, with the reason: what a person has to look at.
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
WHERE phase = 'ended' AND outcome IN ('refused', 'dead');

-- delivery.attempted.v1
DROP TABLE IF EXISTS delivery_attempts_queue;
DROP VIEW IF EXISTS delivery_attempts_intake;
DROP VIEW IF EXISTS delivery_attempts_feed;
DROP VIEW IF EXISTS deliveries_feed;
DROP VIEW IF EXISTS holdings_feed;
DROP VIEW IF EXISTS delivery_attempts_undecoded;
DROP VIEW IF EXISTS delivery_attempts_republished;
DROP TABLE IF EXISTS delivery_attempts_stream;

ALTER TABLE delivery_attempts ADD COLUMN IF NOT EXISTS holdings Array(Tuple(holdingId UUID, conversionId UUID, event String, deliveryId UUID, kind String, revision Int32, attempt Int32, tries Int32, outcome Nullable(String), reasonCode Nullable(String), nextAttemptAt Nullable(DateTime64(3, 'UTC')), mayHaveArrived Bool, repeatedFor Int32, eventRevision Nullable(Int32), heldBy Nullable(UUID), toldState Nullable(String), toldRevenueMicros Nullable(Int64), toldRevenueCurrency Nullable(String), toldPayoutMicros Nullable(Int64), toldPayoutCurrency Nullable(String), heldState Nullable(String), heldRevenueMicros Nullable(Int64), heldRevenueCurrency Nullable(String), heldPayoutMicros Nullable(Int64), heldPayoutCurrency Nullable(String))) AFTER isTest;

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
ENGINE = {{kafka(delivery.attempted.v1)}};

CREATE TABLE IF NOT EXISTS delivery_attempts_stream
ENGINE = Null
EMPTY AS SELECT *, {{arrival}} FROM delivery_attempts_queue;

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

CREATE MATERIALIZED VIEW IF NOT EXISTS holdings_feed TO holdings AS
SELECT
  holding.holdingId AS holdingId,
  holding.conversionId AS conversionId,
  holding.event AS event,
  holding.deliveryId AS deliveryId,
  holding.kind AS kind,
  holding.revision AS revision,
  holding.attempt AS attempt,
  holding.tries AS tries,
  holding.outcome AS outcome,
  holding.reasonCode AS reasonCode,
  holding.nextAttemptAt AS nextAttemptAt,
  holding.mayHaveArrived AS mayHaveArrived,
  holding.repeatedFor AS repeatedFor,
  holding.eventRevision AS eventRevision,
  holding.heldBy AS heldBy,
  holding.toldState AS toldState,
  holding.toldRevenueMicros AS toldRevenueMicros,
  holding.toldRevenueCurrency AS toldRevenueCurrency,
  holding.toldPayoutMicros AS toldPayoutMicros,
  holding.toldPayoutCurrency AS toldPayoutCurrency,
  holding.heldState AS heldState,
  holding.heldRevenueMicros AS heldRevenueMicros,
  holding.heldRevenueCurrency AS heldRevenueCurrency,
  holding.heldPayoutMicros AS heldPayoutMicros,
  holding.heldPayoutCurrency AS heldPayoutCurrency,
  destinationId,
  definition,
  advertiserId,
  phase,
  startedAt,
  endedAt,
  requestId,
  isTest,
  _record_partition AS recordPartition,
  _record_offset AS recordOffset,
  bitOr(
    bitShiftLeft(toUInt64(holding.attempt) * 2 + (phase = 'ended'), 48),
    bitAnd(bitNot(_record_offset), 0xFFFFFFFFFFFF)
  ) AS recordVersion
FROM delivery_attempts_stream
ARRAY JOIN holdings AS holding
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_attempts_undecoded TO undecoded_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _key AS key, _raw_message AS value, _error AS error, now64(3, 'UTC') AS seenAt
FROM delivery_attempts_stream
WHERE _error != '';

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_attempts_republished TO republished_records AS
SELECT _topic AS topic, _record_partition AS recordPartition, _record_offset AS recordOffset, _partition AS republishedPartition, _offset AS republishedOffset, now64(3, 'UTC') AS seenAt
FROM delivery_attempts_stream
WHERE _is_republished AND _error = '';

-- Deliveries of before: each was the only one about its holding. What was told stands in the revision it names.
INSERT INTO holdings
  (conversionId, holdingId, destinationId, definition, advertiserId, event, deliveryId, kind, revision, attempt, tries, phase,
   outcome, reasonCode, nextAttemptAt, mayHaveArrived, repeatedFor, eventRevision, startedAt, endedAt, requestId, isTest,
   recordPartition, recordOffset, recordVersion)
SELECT
  conversionId, deliveryId, destinationId, '', advertiserId, outwardEvent, deliveryId, 'event', revision, attempt, attempt, phase,
  outcome, reasonCode, nextAttemptAt, ifNull(outcome, '') IN ('retry', 'dead', 'refused'), 0,
  if(ifNull(outcome, '') = 'delivered', revision, NULL), startedAt, endedAt, requestId, isTest,
  recordPartition, recordOffset, recordVersion
FROM {{local(deliveries)}};

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_attempts_intake TO delivery_attempts_stream AS
SELECT *, {{arrival}} FROM delivery_attempts_queue;
