-- What the decision core looks facts up by: columns that conversion.decided has grown, and tables sorted by the keys of
-- attribution (libs/domain/src/attribution/keys.ts). The next file feeds them.
--
-- A key of any kind stands as the first 8 bytes, little endian, of SHA-256 over the kind, a zero byte and the key. Two keys
-- that share a hash cost a row too many: whoever asks goes by the keys of what was found. libs/store/src/key-hash.ts makes
-- the same.
-- Most lookups are of keys that do not exist, at random places: so each reads one narrow column of one small granule.
-- Measured on 2 cores for 2,000 keys among 15 million rows, median: 88 ms at granularity 256, 128 ms at 1,024, 153 ms at 64,
-- 289 ms at 8,192. Finding the places in the index is most of it, whatever the blocks, codecs and ways to read: so all keys
-- of conversions, their ids too, lie in one table and are looked up at once (157 ms a batch of 3,000 keys, 272 ms apart).

ALTER TABLE decisions_local
ADD COLUMN IF NOT EXISTS occurredAtIsAssumed Bool,
  ADD COLUMN IF NOT EXISTS eventTypes Array(String),
  ADD COLUMN IF NOT EXISTS reversedTransactionId Nullable(String),
  ADD COLUMN IF NOT EXISTS reportedClickId Nullable(UUID),
  ADD COLUMN IF NOT EXISTS malformedClickId Nullable(String),
  ADD COLUMN IF NOT EXISTS matchedBy LowCardinality(Nullable(String)),
  ADD COLUMN IF NOT EXISTS quantity Nullable(Int32),
  ADD COLUMN IF NOT EXISTS clickKind LowCardinality(Nullable(String)),
  ADD COLUMN IF NOT EXISTS clickReceivedAt Nullable(DateTime64(3, 'UTC')),
  ADD COLUMN IF NOT EXISTS clickCustomerId Nullable(String),
  ADD COLUMN IF NOT EXISTS clickSubjectHashes Map(String, String),
  ADD COLUMN IF NOT EXISTS clickAutomation LowCardinality(Nullable(String)),
  ADD COLUMN IF NOT EXISTS payoutParts Array(Tuple(clickId UUID, partnerId Nullable(String), micros Int64)),
  ADD COLUMN IF NOT EXISTS askedMicros Nullable(Int64),
  ADD COLUMN IF NOT EXISTS isForeign Bool,
  ADD COLUMN IF NOT EXISTS capPlaces Array(Tuple(capId String, key String, periodStart DateTime64(3, 'UTC'), isGranted Bool, payoutMicros Int64)),
  ADD COLUMN IF NOT EXISTS tierPlaces Array(Tuple(key String, periodStart DateTime64(3, 'UTC'), position Int32)),
  ADD COLUMN IF NOT EXISTS orders Tuple(
    ruling Nullable(String),
    clickId Nullable(UUID),
    model Nullable(String),
    terms Nullable(String),
    reasonCodes Array(String)
  ),
  ADD COLUMN IF NOT EXISTS ledger Tuple(
    firstPartition Nullable(Int32),
    firstOffset Nullable(Int64),
    furtherReceiptIds Array(UUID),
    clickIdSince Nullable(DateTime64(3, 'UTC')),
    customerIdSince Nullable(DateTime64(3, 'UTC')),
    subjectSince Nullable(DateTime64(3, 'UTC')),
    isReportedWithoutClick Bool,
    customerPartition Nullable(Int32),
    customerOffset Nullable(Int64),
    firstRevenueMicros Nullable(Int64),
    firstCurrency Nullable(String),
    firstTaxMicros Nullable(Int64),
    firstShippingMicros Nullable(Int64),
    firstStatus LowCardinality(Nullable(String)),
    updates Array(Tuple(field String, micros Nullable(Int64), currency Nullable(String), status LowCardinality(Nullable(String)), receivedAt DateTime64(3, 'UTC'), receiptId UUID)),
    contributions Array(Tuple(occurredAt DateTime64(3, 'UTC'), receiptId Nullable(UUID), details Array(String), subIds Array(String), extras Array(String), subjectHashes Array(String))),
    isReportedClickEligible Bool,
    isTestClick Bool,
    isFirstOfCustomer Nullable(Bool),
    hasSeenClicks Bool,
    gaveUpClickId Nullable(UUID),
    waitedUntil Nullable(DateTime64(3, 'UTC')),
    waitedForConditionUntil Nullable(DateTime64(3, 'UTC'))
  );

-- What the decision core looks facts up by: columns that conversion.decided has grown, and tables sorted by the keys of
-- attribution (libs/domain/src/attribution/keys.ts). The next file feeds them.
--
-- A key of any kind stands as the first 8 bytes, little endian, of SHA-256 over the kind, a zero byte and the key. Two keys
-- that share a hash cost a row too many: whoever asks goes by the keys of what was found. libs/store/src/key-hash.ts makes
-- the same.
-- Most lookups are of keys that do not exist, at random places: so each reads one narrow column of one small granule.
-- Measured on 2 cores for 2,000 keys among 15 million rows, median: 88 ms at granularity 256, 128 ms at 1,024, 153 ms at 64,
-- 289 ms at 8,192. Finding the places in the index is most of it, whatever the blocks, codecs and ways to read: so all keys
-- of conversions, their ids too, lie in one table and are looked up at once (157 ms a batch of 3,000 keys, 272 ms apart).

ALTER TABLE decisions
  ADD COLUMN IF NOT EXISTS occurredAtIsAssumed Bool,
  ADD COLUMN IF NOT EXISTS eventTypes Array(String),
  ADD COLUMN IF NOT EXISTS reversedTransactionId Nullable(String),
  ADD COLUMN IF NOT EXISTS reportedClickId Nullable(UUID),
  ADD COLUMN IF NOT EXISTS malformedClickId Nullable(String),
  ADD COLUMN IF NOT EXISTS matchedBy LowCardinality(Nullable(String)),
  ADD COLUMN IF NOT EXISTS quantity Nullable(Int32),
  ADD COLUMN IF NOT EXISTS clickKind LowCardinality(Nullable(String)),
  ADD COLUMN IF NOT EXISTS clickReceivedAt Nullable(DateTime64(3, 'UTC')),
  ADD COLUMN IF NOT EXISTS clickCustomerId Nullable(String),
  ADD COLUMN IF NOT EXISTS clickSubjectHashes Map(String, String),
  ADD COLUMN IF NOT EXISTS clickAutomation LowCardinality(Nullable(String)),
  ADD COLUMN IF NOT EXISTS payoutParts Array(Tuple(clickId UUID, partnerId Nullable(String), micros Int64)),
  ADD COLUMN IF NOT EXISTS askedMicros Nullable(Int64),
  ADD COLUMN IF NOT EXISTS isForeign Bool,
  ADD COLUMN IF NOT EXISTS capPlaces Array(Tuple(capId String, key String, periodStart DateTime64(3, 'UTC'), isGranted Bool, payoutMicros Int64)),
  ADD COLUMN IF NOT EXISTS tierPlaces Array(Tuple(key String, periodStart DateTime64(3, 'UTC'), position Int32)),
  ADD COLUMN IF NOT EXISTS orders Tuple(
    ruling Nullable(String),
    clickId Nullable(UUID),
    model Nullable(String),
    terms Nullable(String),
    reasonCodes Array(String)
  ),
  ADD COLUMN IF NOT EXISTS ledger Tuple(
    firstPartition Nullable(Int32),
    firstOffset Nullable(Int64),
    furtherReceiptIds Array(UUID),
    clickIdSince Nullable(DateTime64(3, 'UTC')),
    customerIdSince Nullable(DateTime64(3, 'UTC')),
    subjectSince Nullable(DateTime64(3, 'UTC')),
    isReportedWithoutClick Bool,
    customerPartition Nullable(Int32),
    customerOffset Nullable(Int64),
    firstRevenueMicros Nullable(Int64),
    firstCurrency Nullable(String),
    firstTaxMicros Nullable(Int64),
    firstShippingMicros Nullable(Int64),
    firstStatus LowCardinality(Nullable(String)),
    updates Array(Tuple(field String, micros Nullable(Int64), currency Nullable(String), status LowCardinality(Nullable(String)), receivedAt DateTime64(3, 'UTC'), receiptId UUID)),
    contributions Array(Tuple(occurredAt DateTime64(3, 'UTC'), receiptId Nullable(UUID), details Array(String), subIds Array(String), extras Array(String), subjectHashes Array(String))),
    isReportedClickEligible Bool,
    isTestClick Bool,
    isFirstOfCustomer Nullable(Bool),
    hasSeenClicks Bool,
    gaveUpClickId Nullable(UUID),
    waitedUntil Nullable(DateTime64(3, 'UTC')),
    waitedForConditionUntil Nullable(DateTime64(3, 'UTC'))
  );

ALTER TABLE conversions_local
ADD COLUMN IF NOT EXISTS occurredAtIsAssumed Bool,
  ADD COLUMN IF NOT EXISTS eventTypes Array(String),
  ADD COLUMN IF NOT EXISTS reversedTransactionId Nullable(String),
  ADD COLUMN IF NOT EXISTS reportedClickId Nullable(UUID),
  ADD COLUMN IF NOT EXISTS malformedClickId Nullable(String),
  ADD COLUMN IF NOT EXISTS matchedBy LowCardinality(Nullable(String)),
  ADD COLUMN IF NOT EXISTS quantity Nullable(Int32),
  ADD COLUMN IF NOT EXISTS clickKind LowCardinality(Nullable(String)),
  ADD COLUMN IF NOT EXISTS clickReceivedAt Nullable(DateTime64(3, 'UTC')),
  ADD COLUMN IF NOT EXISTS clickCustomerId Nullable(String),
  ADD COLUMN IF NOT EXISTS clickSubjectHashes Map(String, String),
  ADD COLUMN IF NOT EXISTS clickAutomation LowCardinality(Nullable(String)),
  ADD COLUMN IF NOT EXISTS payoutParts Array(Tuple(clickId UUID, partnerId Nullable(String), micros Int64)),
  ADD COLUMN IF NOT EXISTS askedMicros Nullable(Int64),
  ADD COLUMN IF NOT EXISTS isForeign Bool,
  ADD COLUMN IF NOT EXISTS capPlaces Array(Tuple(capId String, key String, periodStart DateTime64(3, 'UTC'), isGranted Bool, payoutMicros Int64)),
  ADD COLUMN IF NOT EXISTS tierPlaces Array(Tuple(key String, periodStart DateTime64(3, 'UTC'), position Int32)),
  ADD COLUMN IF NOT EXISTS orders Tuple(
    ruling Nullable(String),
    clickId Nullable(UUID),
    model Nullable(String),
    terms Nullable(String),
    reasonCodes Array(String)
  ),
  ADD COLUMN IF NOT EXISTS ledger Tuple(
    firstPartition Nullable(Int32),
    firstOffset Nullable(Int64),
    furtherReceiptIds Array(UUID),
    clickIdSince Nullable(DateTime64(3, 'UTC')),
    customerIdSince Nullable(DateTime64(3, 'UTC')),
    subjectSince Nullable(DateTime64(3, 'UTC')),
    isReportedWithoutClick Bool,
    customerPartition Nullable(Int32),
    customerOffset Nullable(Int64),
    firstRevenueMicros Nullable(Int64),
    firstCurrency Nullable(String),
    firstTaxMicros Nullable(Int64),
    firstShippingMicros Nullable(Int64),
    firstStatus LowCardinality(Nullable(String)),
    updates Array(Tuple(field String, micros Nullable(Int64), currency Nullable(String), status LowCardinality(Nullable(String)), receivedAt DateTime64(3, 'UTC'), receiptId UUID)),
    contributions Array(Tuple(occurredAt DateTime64(3, 'UTC'), receiptId Nullable(UUID), details Array(String), subIds Array(String), extras Array(String), subjectHashes Array(String))),
    isReportedClickEligible Bool,
    isTestClick Bool,
    isFirstOfCustomer Nullable(Bool),
    hasSeenClicks Bool,
    gaveUpClickId Nullable(UUID),
    waitedUntil Nullable(DateTime64(3, 'UTC')),
    waitedForConditionUntil Nullable(DateTime64(3, 'UTC'))
  );

ALTER TABLE conversions
  ADD COLUMN IF NOT EXISTS occurredAtIsAssumed Bool,
  ADD COLUMN IF NOT EXISTS eventTypes Array(String),
  ADD COLUMN IF NOT EXISTS reversedTransactionId Nullable(String),
  ADD COLUMN IF NOT EXISTS reportedClickId Nullable(UUID),
  ADD COLUMN IF NOT EXISTS malformedClickId Nullable(String),
  ADD COLUMN IF NOT EXISTS matchedBy LowCardinality(Nullable(String)),
  ADD COLUMN IF NOT EXISTS quantity Nullable(Int32),
  ADD COLUMN IF NOT EXISTS clickKind LowCardinality(Nullable(String)),
  ADD COLUMN IF NOT EXISTS clickReceivedAt Nullable(DateTime64(3, 'UTC')),
  ADD COLUMN IF NOT EXISTS clickCustomerId Nullable(String),
  ADD COLUMN IF NOT EXISTS clickSubjectHashes Map(String, String),
  ADD COLUMN IF NOT EXISTS clickAutomation LowCardinality(Nullable(String)),
  ADD COLUMN IF NOT EXISTS payoutParts Array(Tuple(clickId UUID, partnerId Nullable(String), micros Int64)),
  ADD COLUMN IF NOT EXISTS askedMicros Nullable(Int64),
  ADD COLUMN IF NOT EXISTS isForeign Bool,
  ADD COLUMN IF NOT EXISTS capPlaces Array(Tuple(capId String, key String, periodStart DateTime64(3, 'UTC'), isGranted Bool, payoutMicros Int64)),
  ADD COLUMN IF NOT EXISTS tierPlaces Array(Tuple(key String, periodStart DateTime64(3, 'UTC'), position Int32)),
  ADD COLUMN IF NOT EXISTS orders Tuple(
    ruling Nullable(String),
    clickId Nullable(UUID),
    model Nullable(String),
    terms Nullable(String),
    reasonCodes Array(String)
  ),
  ADD COLUMN IF NOT EXISTS ledger Tuple(
    firstPartition Nullable(Int32),
    firstOffset Nullable(Int64),
    furtherReceiptIds Array(UUID),
    clickIdSince Nullable(DateTime64(3, 'UTC')),
    customerIdSince Nullable(DateTime64(3, 'UTC')),
    subjectSince Nullable(DateTime64(3, 'UTC')),
    isReportedWithoutClick Bool,
    customerPartition Nullable(Int32),
    customerOffset Nullable(Int64),
    firstRevenueMicros Nullable(Int64),
    firstCurrency Nullable(String),
    firstTaxMicros Nullable(Int64),
    firstShippingMicros Nullable(Int64),
    firstStatus LowCardinality(Nullable(String)),
    updates Array(Tuple(field String, micros Nullable(Int64), currency Nullable(String), status LowCardinality(Nullable(String)), receivedAt DateTime64(3, 'UTC'), receiptId UUID)),
    contributions Array(Tuple(occurredAt DateTime64(3, 'UTC'), receiptId Nullable(UUID), details Array(String), subIds Array(String), extras Array(String), subjectHashes Array(String))),
    isReportedClickEligible Bool,
    isTestClick Bool,
    isFirstOfCustomer Nullable(Bool),
    hasSeenClicks Bool,
    gaveUpClickId Nullable(UUID),
    waitedUntil Nullable(DateTime64(3, 'UTC')),
    waitedForConditionUntil Nullable(DateTime64(3, 'UTC'))
  );

-- One row per key of a conversion and conversion: its own id, so that all keys are looked up at once; its transaction (of a
-- reversal that of its original), its customer, the click its reports name, and what its reports name persons by.
-- Key: the hash is what is asked for; a conversion that is decided again gives the same rows.
CREATE TABLE IF NOT EXISTS conversion_keys_local
(
  keyHash UInt64,
  conversionId UUID
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (keyHash, conversionId)
SETTINGS index_granularity = 256, min_compress_block_size = 4096, max_compress_block_size = 16384;

CREATE TABLE IF NOT EXISTS conversion_keys AS conversion_keys_local
ENGINE = Distributed('main', 'tributary', 'conversion_keys_local', cityHash64(keyHash));

-- One row per conversion: the whole record of its latest revision as one text, so that a lookup reads one column instead of
-- a hundred. It is an array of the values in the order of the schema, records within it as arrays too; instants are epoch
-- milliseconds, money decimal digits, bytes hexadecimal. A schema that grows needs the feed made anew with the new fields
-- at the end.
-- Key: conversionId; the version is that of conversions, so the same revision wins.
CREATE TABLE IF NOT EXISTS conversion_states_local
(
  conversionId UUID,
  recordVersion UInt64,
  record String
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', recordVersion)
ORDER BY conversionId
SETTINGS index_granularity = 64, min_compress_block_size = 4096, max_compress_block_size = 65536;

CREATE TABLE IF NOT EXISTS conversion_states AS conversion_states_local
ENGINE = Distributed('main', 'tributary', 'conversion_states_local', cityHash64(conversionId));

-- One row per click: what attribution reads of it as one text, so that a lookup reads one column of a small granule instead of
-- twenty of a large one. The form is that of conversion_states, of the fields that the feed names.
-- Key: as in clicks, and so is the version: the first record of a click wins.
CREATE TABLE IF NOT EXISTS click_states_local
(
  clickId UUID,
  recordVersion UInt64,
  record String
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', recordVersion)
ORDER BY UUIDToNum(clickId)
SETTINGS index_granularity = 64, min_compress_block_size = 4096, max_compress_block_size = 65536;

CREATE TABLE IF NOT EXISTS click_states AS click_states_local
ENGINE = Distributed('main', 'tributary', 'click_states_local', cityHash64(clickId));

-- One row per key of a click and click, of clicks that carry a customer id or what names a person.
-- Key: as in conversion_keys.
CREATE TABLE IF NOT EXISTS click_keys_local
(
  keyHash UInt64,
  clickId UUID
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (keyHash, clickId)
SETTINGS index_granularity = 256, min_compress_block_size = 4096, max_compress_block_size = 16384;

CREATE TABLE IF NOT EXISTS click_keys AS click_keys_local
ENGINE = Distributed('main', 'tributary', 'click_keys_local', cityHash64(keyHash));

-- One row per counter of a cap and conversion that asked it for a place. A counter is never kept as a sum: a record that
-- comes twice would count twice.
-- Key: a conversion has one place on a counter; of its revisions the latest holds.
CREATE TABLE IF NOT EXISTS cap_places_local
(
  counterHash UInt64,
  conversionId UUID,
  isGranted Bool,
  payoutMicros Int64,
  recordVersion UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', recordVersion)
ORDER BY (counterHash, conversionId)
SETTINGS index_granularity = 1024;

CREATE TABLE IF NOT EXISTS cap_places AS cap_places_local
ENGINE = Distributed('main', 'tributary', 'cap_places_local', cityHash64(counterHash));

-- One row per counter of a payout by tiers and conversion it has given a number, from 0. The numbers are kept and not only
-- counted: of a send that arrived in part the later ones may be on record and earlier ones not, and those are given again.
-- Key: as in cap_places. A number once given is kept by every later revision; of two records of one revision the first in
-- the log has its way here too.
CREATE TABLE IF NOT EXISTS tier_places_local
(
  counterHash UInt64,
  conversionId UUID,
  position Int32,
  recordVersion UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', recordVersion)
ORDER BY (counterHash, conversionId)
SETTINGS index_granularity = 1024;

CREATE TABLE IF NOT EXISTS tier_places AS tier_places_local
ENGINE = Distributed('main', 'tributary', 'tier_places_local', cityHash64(counterHash));

-- One row per click that carries a customer id or a hash of personal data, for two days; what the click says is in clicks.
-- Attribution looks through the latest of them for conversions of the same person that were decided before the click was to
-- be seen.
-- Key: the instant at which it was stored, by ClickHouse's clock, since only the latest are read; a click that was recorded
-- twice has two rows.
CREATE TABLE IF NOT EXISTS person_clicks_local
(
  storedAt DateTime64(3, 'UTC'),
  clickId UUID,
  advertiserId LowCardinality(String)
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (storedAt, clickId)
TTL toDateTime(storedAt) + INTERVAL 2 DAY;

CREATE TABLE IF NOT EXISTS person_clicks AS person_clicks_local
ENGINE = Distributed('main', 'tributary', 'person_clicks_local', cityHash64(storedAt));
