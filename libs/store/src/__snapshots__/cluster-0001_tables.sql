-- The tables of the pipeline. Each is fed from one topic by ClickHouse itself (0002) and holds one row per id:
-- recordVersion = bitNot(offset), so the first record of an id in the log wins, for every reader. Read with FINAL.

-- One row per recorded click.
-- Key: Sorted by the bytes of the UUIDv7, which are its time: attribution looks clicks up by id, most of them recent.
-- The UUID type itself sorts by its second half and would scatter them.
CREATE TABLE IF NOT EXISTS clicks_local
(
  clickId UUID,
  kind LowCardinality(String),
  advertiserId LowCardinality(String),
  offerId LowCardinality(String),
  campaignId LowCardinality(String),
  partnerId LowCardinality(Nullable(String)),
  partnerClickId Nullable(String),
  clickedAt DateTime64(3, 'UTC'),
  receivedAt DateTime64(3, 'UTC'),
  subIds Map(String, String),
  utm Map(String, String),
  adPlatformIds Array(Tuple(name String, value String, firstSeenAt DateTime64(3, 'UTC'))),
  landingUrl Nullable(String),
  referrer Nullable(String),
  userAgent Nullable(String),
  country LowCardinality(Nullable(String)),
  ipHash Nullable(String),
  ipCiphertext Nullable(String),
  subjectHashes Map(String, String),
  customerId Nullable(String),
  consentAdUserData LowCardinality(String),
  consentAdPersonalization LowCardinality(String),
  costMicros Nullable(Int64),
  costCurrency LowCardinality(Nullable(String)),
  automation Nullable(String),
  extras Map(String, String),
  configurationVersion Int64,
  isTest Bool,
  recordPartition UInt16,
  recordOffset UInt64,
  recordVersion UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', recordVersion)
PARTITION BY toYYYYMM(clickedAt)
ORDER BY UUIDToNum(clickId)
SETTINGS index_granularity = 1024;

CREATE TABLE IF NOT EXISTS clicks AS clicks_local
ENGINE = Distributed('main', 'tributary', 'clicks_local', cityHash64(clickId));

-- One row per accepted postback.
-- Key: The receipt is the identity of an accepted call; a repeated call has the same one.
CREATE TABLE IF NOT EXISTS postbacks_local
(
  receiptId UUID,
  sourceId LowCardinality(String),
  lane LowCardinality(String),
  advertiserId LowCardinality(String),
  receivedAt DateTime64(3, 'UTC'),
  occurredAt DateTime64(3, 'UTC'),
  occurredAtIsAssumed Bool,
  eventType LowCardinality(String),
  eventTypeSent Nullable(String),
  status LowCardinality(String),
  statusSent Nullable(String),
  clickId Nullable(String),
  transactionId Nullable(String),
  originalTransactionId Nullable(String),
  reversalId Nullable(String),
  customerId Nullable(String),
  revenueMicros Nullable(Int64),
  currency LowCardinality(Nullable(String)),
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
  country LowCardinality(Nullable(String)),
  consentAdUserData LowCardinality(String),
  consentAdPersonalization LowCardinality(String),
  authenticatedBy Array(String),
  nonceHash Nullable(String),
  idempotencyKeyHash Nullable(String),
  contentDigest String,
  rawCall String,
  warnings Array(String),
  configurationVersion Int64,
  isTest Bool,
  recordPartition UInt16,
  recordOffset UInt64,
  recordVersion UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', recordVersion)
ORDER BY receiptId;

CREATE TABLE IF NOT EXISTS postbacks AS postbacks_local
ENGINE = Distributed('main', 'tributary', 'postbacks_local', cityHash64(receiptId));

-- One row per refused postback, with the reason the sender was told.
-- Key: Each refusal is a fact of its own.
CREATE TABLE IF NOT EXISTS refused_postbacks_local
(
  refusalId UUID,
  sourceId LowCardinality(String),
  advertiserId LowCardinality(Nullable(String)),
  receivedAt DateTime64(3, 'UTC'),
  reasonCode LowCardinality(String),
  field Nullable(String),
  expected Nullable(String),
  contentDigest String,
  rawCall String,
  configurationVersion Int64,
  isTest Bool,
  recordPartition UInt16,
  recordOffset UInt64,
  recordVersion UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', recordVersion)
ORDER BY refusalId;

CREATE TABLE IF NOT EXISTS refused_postbacks AS refused_postbacks_local
ENGINE = Distributed('main', 'tributary', 'refused_postbacks_local', cityHash64(refusalId));

-- One row per receipt: the verdict of attribution.
-- Key: Exactly one verdict per receipt.
CREATE TABLE IF NOT EXISTS receipts_local
(
  receiptId UUID,
  sourceId LowCardinality(String),
  lane LowCardinality(String),
  advertiserId LowCardinality(String),
  verdict LowCardinality(String),
  reasonCode LowCardinality(Nullable(String)),
  conversionId Nullable(UUID),
  revision Nullable(Int32),
  receivedAt DateTime64(3, 'UTC'),
  judgedAt DateTime64(3, 'UTC'),
  triggerPartition Int32,
  triggerOffset Int64,
  configurationVersion Int64,
  isTest Bool,
  recordPartition UInt16,
  recordOffset UInt64,
  recordVersion UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', recordVersion)
ORDER BY receiptId
SETTINGS index_granularity = 1024;

CREATE TABLE IF NOT EXISTS receipts AS receipts_local
ENGINE = Distributed('main', 'tributary', 'receipts_local', cityHash64(receiptId));

-- One row per revision of a conversion.
-- Key: Every revision stays: it is the history that explains a number.
CREATE TABLE IF NOT EXISTS decisions_local
(
  conversionId UUID,
  revision Int32,
  lane LowCardinality(String),
  advertiserId LowCardinality(String),
  offerId LowCardinality(Nullable(String)),
  campaignId LowCardinality(Nullable(String)),
  partnerId LowCardinality(Nullable(String)),
  sourceId LowCardinality(String),
  receiptId UUID,
  eventType LowCardinality(String),
  eventClass LowCardinality(String),
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
  currency LowCardinality(Nullable(String)),
  payoutMicros Nullable(Int64),
  payoutCurrency LowCardinality(Nullable(String)),
  payoutRule LowCardinality(Nullable(String)),
  reversedRevenueMicros Nullable(Int64),
  reversedPayoutMicros Nullable(Int64),
  taxMicros Nullable(Int64),
  shippingMicros Nullable(Int64),
  predictedLtvMicros Nullable(Int64),
  exchangeRateId Nullable(String),
  isFirstOfCustomer Nullable(Bool),
  model LowCardinality(String),
  credits Array(Tuple(clickId UUID, partnerId Nullable(String), numerator Int32, denominator Int32)),
  candidates Array(Tuple(clickId String, campaignId Nullable(String), clickedAt Nullable(DateTime64(3, 'UTC')), outcome String, reasonCode Nullable(String))),
  clickId Nullable(UUID),
  clickedAt Nullable(DateTime64(3, 'UTC')),
  partnerClickId Nullable(String),
  clickSubIds Map(String, String),
  adPlatformIds Array(Tuple(name String, value String, firstSeenAt DateTime64(3, 'UTC'))),
  landingUrl Nullable(String),
  clickUserAgent Nullable(String),
  clickCountry LowCardinality(Nullable(String)),
  clickIpCiphertext Nullable(String),
  subIds Map(String, String),
  extras Map(String, String),
  productId Nullable(String),
  planId Nullable(String),
  couponCode Nullable(String),
  subjectHashes Map(String, String),
  ipCiphertext Nullable(String),
  userAgent Nullable(String),
  country LowCardinality(Nullable(String)),
  consentAdUserData LowCardinality(String),
  consentAdPersonalization LowCardinality(String),
  valueDigest String,
  configurationVersion Int64,
  isTest Bool,
  recordPartition UInt16,
  recordOffset UInt64,
  recordVersion UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', recordVersion)
ORDER BY (conversionId, revision)
SETTINGS index_granularity = 1024;

CREATE TABLE IF NOT EXISTS decisions AS decisions_local
ENGINE = Distributed('main', 'tributary', 'decisions_local', cityHash64(conversionId));

-- One row per conversion: its latest revision.
-- Key: conversionId; the version puts the revision above the offset, so the latest revision wins and, of one revision, the first record.
CREATE TABLE IF NOT EXISTS conversions_local
(
  conversionId UUID,
  revision Int32,
  lane LowCardinality(String),
  advertiserId LowCardinality(String),
  offerId LowCardinality(Nullable(String)),
  campaignId LowCardinality(Nullable(String)),
  partnerId LowCardinality(Nullable(String)),
  sourceId LowCardinality(String),
  receiptId UUID,
  eventType LowCardinality(String),
  eventClass LowCardinality(String),
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
  currency LowCardinality(Nullable(String)),
  payoutMicros Nullable(Int64),
  payoutCurrency LowCardinality(Nullable(String)),
  payoutRule LowCardinality(Nullable(String)),
  reversedRevenueMicros Nullable(Int64),
  reversedPayoutMicros Nullable(Int64),
  taxMicros Nullable(Int64),
  shippingMicros Nullable(Int64),
  predictedLtvMicros Nullable(Int64),
  exchangeRateId Nullable(String),
  isFirstOfCustomer Nullable(Bool),
  model LowCardinality(String),
  credits Array(Tuple(clickId UUID, partnerId Nullable(String), numerator Int32, denominator Int32)),
  candidates Array(Tuple(clickId String, campaignId Nullable(String), clickedAt Nullable(DateTime64(3, 'UTC')), outcome String, reasonCode Nullable(String))),
  clickId Nullable(UUID),
  clickedAt Nullable(DateTime64(3, 'UTC')),
  partnerClickId Nullable(String),
  clickSubIds Map(String, String),
  adPlatformIds Array(Tuple(name String, value String, firstSeenAt DateTime64(3, 'UTC'))),
  landingUrl Nullable(String),
  clickUserAgent Nullable(String),
  clickCountry LowCardinality(Nullable(String)),
  clickIpCiphertext Nullable(String),
  subIds Map(String, String),
  extras Map(String, String),
  productId Nullable(String),
  planId Nullable(String),
  couponCode Nullable(String),
  subjectHashes Map(String, String),
  ipCiphertext Nullable(String),
  userAgent Nullable(String),
  country LowCardinality(Nullable(String)),
  consentAdUserData LowCardinality(String),
  consentAdPersonalization LowCardinality(String),
  valueDigest String,
  configurationVersion Int64,
  isTest Bool,
  recordPartition UInt16,
  recordOffset UInt64,
  recordVersion UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', recordVersion)
ORDER BY conversionId
SETTINGS index_granularity = 1024;

CREATE TABLE IF NOT EXISTS conversions AS conversions_local
ENGINE = Distributed('main', 'tributary', 'conversions_local', cityHash64(conversionId));

-- One row per fact about an HTTP request to a destination: intended, then ended.
-- Key: Both facts of a request stay: intended without ended is an ambiguous attempt.
CREATE TABLE IF NOT EXISTS delivery_attempts_local
(
  requestId UUID,
  phase LowCardinality(String),
  destinationId LowCardinality(String),
  definition LowCardinality(String),
  definitionVersion LowCardinality(String),
  advertiserId LowCardinality(String),
  deliveries Array(Tuple(deliveryId UUID, conversionId UUID, revision Int32, outwardEvent String, attempt Int32, outcome LowCardinality(Nullable(String)), reasonCode Nullable(String), contentDigest String, nextAttemptAt Nullable(DateTime64(3, 'UTC')))),
  method LowCardinality(String),
  url String,
  requestHeaders Map(String, String),
  requestBody Nullable(String),
  responseStatus Nullable(Int32),
  responseHeaders Map(String, String),
  responseBody Nullable(String),
  errorCode LowCardinality(Nullable(String)),
  startedAt DateTime64(3, 'UTC'),
  endedAt Nullable(DateTime64(3, 'UTC')),
  durationMs Nullable(Int32),
  configurationVersion Int64,
  isTest Bool,
  recordPartition UInt16,
  recordOffset UInt64,
  recordVersion UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', recordVersion)
ORDER BY (requestId, phase);

CREATE TABLE IF NOT EXISTS delivery_attempts AS delivery_attempts_local
ENGINE = Distributed('main', 'tributary', 'delivery_attempts_local', cityHash64(requestId));

-- One row per delivery: its latest attempt and outcome.
-- Key: deliveryId; the version puts attempt and phase above the offset, so the latest fact wins and, of equal ones, the first record.
CREATE TABLE IF NOT EXISTS deliveries_local
(
  deliveryId UUID,
  conversionId UUID,
  revision Int32,
  destinationId LowCardinality(String),
  advertiserId LowCardinality(String),
  outwardEvent LowCardinality(String),
  attempt Int32,
  phase LowCardinality(String),
  outcome LowCardinality(Nullable(String)),
  reasonCode LowCardinality(Nullable(String)),
  contentDigest String,
  nextAttemptAt Nullable(DateTime64(3, 'UTC')),
  startedAt DateTime64(3, 'UTC'),
  endedAt Nullable(DateTime64(3, 'UTC')),
  requestId UUID,
  isTest Bool,
  recordPartition UInt16,
  recordOffset UInt64,
  recordVersion UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', recordVersion)
ORDER BY deliveryId
SETTINGS index_granularity = 1024;

CREATE TABLE IF NOT EXISTS deliveries AS deliveries_local
ENGINE = Distributed('main', 'tributary', 'deliveries_local', cityHash64(deliveryId));

-- One row per record or delivery set aside.
-- Key: Derived from coordinates or delivery: set aside twice is one row.
CREATE TABLE IF NOT EXISTS dead_letters_local
(
  deadLetterId UUID,
  kind LowCardinality(String),
  service LowCardinality(String),
  reasonCode LowCardinality(String),
  detail Nullable(String),
  topic LowCardinality(String),
  partition Int32,
  offset Int64,
  key Nullable(String),
  value Nullable(String),
  headers Map(String, String),
  conversionId Nullable(UUID),
  deliveryId Nullable(UUID),
  destinationId LowCardinality(Nullable(String)),
  attempts Nullable(Int32),
  deadLetteredAt DateTime64(3, 'UTC'),
  recordPartition UInt16,
  recordOffset UInt64,
  recordVersion UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', recordVersion)
ORDER BY deadLetterId;

CREATE TABLE IF NOT EXISTS dead_letters AS dead_letters_local
ENGINE = Distributed('main', 'tributary', 'dead_letters_local', cityHash64(deadLetterId));

-- One row per configuration change; secrets never enter ClickHouse.
-- Key: A change is written once.
CREATE TABLE IF NOT EXISTS configuration_changes_local
(
  changeId UUID,
  entityType LowCardinality(String),
  entityId LowCardinality(String),
  operation LowCardinality(String),
  expectedVersion Int64,
  document String,
  effectiveFrom DateTime64(3, 'UTC'),
  recordedAt DateTime64(3, 'UTC'),
  actor String,
  recordPartition UInt16,
  recordOffset UInt64,
  recordVersion UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', recordVersion)
ORDER BY changeId;

CREATE TABLE IF NOT EXISTS configuration_changes AS configuration_changes_local
ENGINE = Distributed('main', 'tributary', 'configuration_changes_local', cityHash64(changeId));

-- One row per record ClickHouse could not decode: not final, what decodes later is published again and removed here.
-- Key: the coordinates.
CREATE TABLE IF NOT EXISTS undecoded_records_local
(
  topic LowCardinality(String),
  recordPartition UInt16,
  recordOffset UInt64,
  key String,
  value String,
  error String,
  seenAt DateTime64(3, 'UTC')
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', seenAt)
ORDER BY (topic, recordPartition, recordOffset);

CREATE TABLE IF NOT EXISTS undecoded_records AS undecoded_records_local
ENGINE = Distributed('main', 'tributary', 'undecoded_records_local', cityHash64(topic));
