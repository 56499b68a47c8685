-- The feeds of the tables of the file before, by the order of 0003: the queue is dropped and so stops, everything behind it
-- is made, and the intake comes last. A queue that is made anew goes on where its group has committed.
-- conversion.decided is read twice (docs/adr/0034-decisions-read-twice.md): decoded, as far as some view reads it, for reports and
-- keys; and as bytes, from its start, by a queue with a group of its own.
-- In a database that is made from the start the queues of 0003 never begin to read: the runner leaves their intake out.
-- Texts of few values are plain ones in the queues: for each record on its own, a dictionary costs more than all it holds.
-- What stands in the tables already is filled in while the queues stand still, from each host's own rows. What the grown
-- fields say is kept from here on, so whoever writes them starts after this file, as every producer does.

-- click.recorded.v1
DROP TABLE IF EXISTS clicks_queue;
DROP VIEW IF EXISTS clicks_intake;
DROP VIEW IF EXISTS click_states_feed;
DROP VIEW IF EXISTS click_keys_feed;
DROP VIEW IF EXISTS person_clicks_feed;

CREATE TABLE IF NOT EXISTS clicks_queue
(
  clickId UUID,
  kind String,
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
  consentAdUserData String,
  consentAdPersonalization String,
  costMicros Nullable(Int64),
  costCurrency Nullable(String),
  automation Nullable(String),
  extras Map(String, String),
  configurationVersion Int64,
  isTest Bool
)
ENGINE = {{kafka(click.recorded.v1)}};

CREATE MATERIALIZED VIEW IF NOT EXISTS click_states_feed TO click_states AS
SELECT
  clickId,
  bitNot(_record_offset) AS recordVersion,
  formatRowNoNewline(
    'JSONCompactEachRow',
    clickId,
    kind,
    advertiserId,
    offerId,
    campaignId,
    partnerId,
    partnerClickId,
    toUnixTimestamp64Milli(clickedAt),
    toUnixTimestamp64Milli(receivedAt),
    subIds,
    arrayMap(adPlatformId -> tuple(adPlatformId.name, adPlatformId.value, toUnixTimestamp64Milli(adPlatformId.firstSeenAt)), adPlatformIds),
    landingUrl,
    userAgent,
    country,
    hex(ipCiphertext),
    subjectHashes,
    customerId,
    automation,
    isTest
  ) AS record
FROM clicks_stream
WHERE _error = '';

INSERT INTO click_states
SELECT
  clickId,
  recordVersion,
  formatRowNoNewline(
    'JSONCompactEachRow',
    clickId,
    kind,
    advertiserId,
    offerId,
    campaignId,
    partnerId,
    partnerClickId,
    toUnixTimestamp64Milli(clickedAt),
    toUnixTimestamp64Milli(receivedAt),
    subIds,
    arrayMap(adPlatformId -> tuple(adPlatformId.name, adPlatformId.value, toUnixTimestamp64Milli(adPlatformId.firstSeenAt)), adPlatformIds),
    landingUrl,
    userAgent,
    country,
    hex(ipCiphertext),
    subjectHashes,
    customerId,
    automation,
    isTest
  ) AS record
FROM {{local(clicks)}};

CREATE MATERIALIZED VIEW IF NOT EXISTS click_keys_feed TO click_keys AS
WITH
  concat(advertiserId, '\0', if(isTest, 'test', 'live'), '\0') AS scope,
  arrayFilter(
    form -> mapContains(subjectHashes, form),
    ['emailPlain', 'emailGmail', 'emailDotless', 'phoneE164', 'phoneDigits', 'customerExternal']
  ) AS forms
SELECT reinterpretAsUInt64(SHA256(key)) AS keyHash, clickId
FROM clicks_stream
ARRAY JOIN arrayConcat(
  if(isNull(customerId), [], [concat('customer\0', scope, assumeNotNull(customerId))]),
  arrayMap(form -> concat('subject\0', scope, form, ':', subjectHashes[form]), forms)
) AS key
WHERE _error = '';

INSERT INTO click_keys
WITH
  concat(advertiserId, '\0', if(isTest, 'test', 'live'), '\0') AS scope,
  arrayFilter(
    form -> mapContains(subjectHashes, form),
    ['emailPlain', 'emailGmail', 'emailDotless', 'phoneE164', 'phoneDigits', 'customerExternal']
  ) AS forms
SELECT reinterpretAsUInt64(SHA256(key)) AS keyHash, clickId
FROM {{local(clicks)}}
ARRAY JOIN arrayConcat(
  if(isNull(customerId), [], [concat('customer\0', scope, assumeNotNull(customerId))]),
  arrayMap(form -> concat('subject\0', scope, form, ':', subjectHashes[form]), forms)
) AS key
WHERE isNotNull(customerId) OR notEmpty(subjectHashes);

CREATE MATERIALIZED VIEW IF NOT EXISTS person_clicks_feed TO person_clicks AS
SELECT now64(3, 'UTC') AS storedAt, clickId, advertiserId
FROM clicks_stream
WHERE _error = '' AND (isNotNull(customerId) OR notEmpty(subjectHashes));

CREATE MATERIALIZED VIEW IF NOT EXISTS clicks_intake TO clicks_stream AS
SELECT *, {{arrival}} FROM clicks_queue;

-- conversion.decided.v1
DROP TABLE IF EXISTS decisions_queue;
DROP VIEW IF EXISTS decisions_intake;
DROP VIEW IF EXISTS decisions_feed;
DROP VIEW IF EXISTS conversions_feed;
DROP VIEW IF EXISTS decisions_undecoded;
DROP VIEW IF EXISTS decisions_republished;
DROP VIEW IF EXISTS conversion_keys_feed;
DROP VIEW IF EXISTS conversion_revisions_feed;
DROP VIEW IF EXISTS cap_places_feed;
DROP VIEW IF EXISTS tier_places_feed;
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
  status String,
  match String,
  state String,
  reasonCodes Array(String),
  occurredAt DateTime64(3, 'UTC'),
  receivedAt DateTime64(3, 'UTC'),
  decidedAt DateTime64(3, 'UTC'),
  parkedUntil Nullable(DateTime64(3, 'UTC')),
  heldUntil Nullable(DateTime64(3, 'UTC')),
  triggerKind String,
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
  consentAdUserData String,
  consentAdPersonalization String,
  valueDigest String,
  configurationVersion Int64,
  isTest Bool,
  occurredAtIsAssumed Bool,
  eventTypes Array(String),
  reversedTransactionId Nullable(String),
  reportedClickId Nullable(UUID),
  malformedClickId Nullable(String),
  matchedBy Nullable(String),
  quantity Nullable(Int32),
  clickKind Nullable(String),
  clickAutomation Nullable(String),
  payoutParts Array(Tuple(clickId UUID, partnerId Nullable(String), micros Int64)),
  isForeign Bool,
  capPlaces Array(Tuple(capId String, key String, periodStart DateTime64(3, 'UTC'), isGranted Bool, payoutMicros Int64)),
  tierPlaces Array(Tuple(key String, periodStart DateTime64(3, 'UTC'), position Int32)),
  `ledger.firstOffset` Nullable(Int64),
  `ledger.contributions` Array(Tuple(occurredAt DateTime64(3, 'UTC'), receiptId Nullable(UUID), details Array(String), subIds Array(String), extras Array(String), subjectHashes Array(String)))
)
ENGINE = {{kafka_of_reports(conversion.decided.v1)}};

CREATE TABLE IF NOT EXISTS decisions_stream
ENGINE = Null
EMPTY AS SELECT *, {{arrival}} FROM decisions_queue;

-- The hashes of a record are those of reports and click together; a conversion is found by those that its reports gave,
-- which the ledger names. A record of before there was a ledger is found by all of them, and by the one click that was
-- considered: it is taken for what its report named.
CREATE MATERIALIZED VIEW IF NOT EXISTS conversion_keys_feed TO conversion_keys AS
WITH
  concat(advertiserId, '\0', lane, '\0', if(isTest, 'test', 'live'), '\0') AS scope,
  coalesce(reversedTransactionId, transactionId) AS transactionOf,
  if(isNull(ledger.firstOffset), nullIf(lower(candidates[1].clickId), ''), toString(reportedClickId)) AS clickOf,
  arrayFlatten(arrayMap(contribution -> contribution.subjectHashes, ledger.contributions)) AS given,
  arrayFilter(
    form -> if(isNull(ledger.firstOffset), mapContains(subjectHashes, form), has(given, form)),
    ['emailPlain', 'emailGmail', 'emailDotless', 'phoneE164', 'phoneDigits', 'customerExternal']
  ) AS forms
SELECT reinterpretAsUInt64(SHA256(key)) AS keyHash, conversionId
FROM decisions_stream
ARRAY JOIN arrayConcat(
  [concat('conversion\0', toString(conversionId))],
  if(isNull(transactionOf), [], [concat('transaction\0', scope, assumeNotNull(transactionOf))]),
  if(isNull(customerId), [], [concat('customer\0', scope, assumeNotNull(customerId))]),
  if(isNull(clickOf), [], [concat('click\0', assumeNotNull(clickOf))]),
  arrayMap(form -> concat('subject\0', scope, form, ':', subjectHashes[form]), forms)
) AS key
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS conversion_revisions_feed TO conversion_revisions AS
SELECT conversionId, revision
FROM decisions_stream
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS cap_places_feed TO cap_places AS
SELECT
  reinterpretAsUInt64(SHA256(concat('cap\0', toString(toUnixTimestamp64Milli(place.periodStart)), ':', place.key))) AS counterHash,
  conversionId,
  place.isGranted AS isGranted,
  place.payoutMicros AS payoutMicros,
  bitOr(bitShiftLeft(toUInt64(revision), 48), bitAnd(bitNot(_record_offset), 0xFFFFFFFFFFFF)) AS recordVersion
FROM decisions_stream
ARRAY JOIN capPlaces AS place
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS tier_places_feed TO tier_places AS
SELECT
  reinterpretAsUInt64(SHA256(concat('tier\0', toString(toUnixTimestamp64Milli(place.periodStart)), ':', place.key))) AS counterHash,
  conversionId,
  place.position AS position,
  bitOr(bitShiftLeft(toUInt64(revision), 48), bitAnd(bitNot(_record_offset), 0xFFFFFFFFFFFF)) AS recordVersion
FROM decisions_stream
ARRAY JOIN tierPlaces AS place
WHERE _error = '';

-- Through the stream while nothing but the lookup tables hangs on it.
INSERT INTO decisions_stream
SELECT
  * EXCEPT (recordPartition, recordOffset, recordVersion),
  NULL, [],
  'conversion.decided.v1', recordPartition, recordOffset, '', '', '', '', false, recordPartition, recordOffset
FROM {{local(conversions)}} FINAL;

CREATE MATERIALIZED VIEW IF NOT EXISTS decisions_feed TO decisions AS
SELECT COLUMNS('^[^_]'), _record_partition AS recordPartition, _record_offset AS recordOffset, bitNot(_record_offset) AS recordVersion
FROM decisions_stream
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS conversions_feed TO conversions AS
SELECT
  COLUMNS('^[^_]') EXCEPT (`ledger.firstOffset`, `ledger.contributions`),
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
SELECT *, {{arrival}} FROM decisions_queue;

-- conversion.decided.v1 once more, as bytes
DROP TABLE IF EXISTS decision_records_queue;
DROP VIEW IF EXISTS decision_records_intake;
DROP VIEW IF EXISTS decision_records_feed;
DROP TABLE IF EXISTS decision_records_stream;

CREATE TABLE IF NOT EXISTS decision_records_queue
(
  value String
)
ENGINE = {{kafka_of_bytes(conversion.decided.v1)}};

CREATE TABLE IF NOT EXISTS decision_records_stream
ENGINE = Null
EMPTY AS SELECT toUUIDOrZero(_key) AS conversionId, *, {{arrival}} FROM decision_records_queue;

CREATE MATERIALIZED VIEW IF NOT EXISTS decision_records_feed TO decision_records AS
SELECT COLUMNS('^[^_]'), _record_partition AS recordPartition, _record_offset AS recordOffset
FROM decision_records_stream
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS decision_records_intake TO decision_records_stream AS
SELECT toUUIDOrZero(_key) AS conversionId, *, {{arrival}} FROM decision_records_queue;
