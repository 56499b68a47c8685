-- What the decision core looks facts up by: columns that conversion.decided has grown, and tables sorted by the keys of
-- attribution (libs/domain/src/attribution/keys.ts). The next file feeds them.
--
-- Each column of decisions and conversions costs for every row, so they have what is reported on. What only attribution reads
-- of a decision is in its record (decision_records); of the ledger, decisions has what conversion_keys are made of, so that
-- they can be made from it again.
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
  ADD COLUMN IF NOT EXISTS clickAutomation LowCardinality(Nullable(String)),
  ADD COLUMN IF NOT EXISTS payoutParts Array(Tuple(clickId UUID, partnerId Nullable(String), micros Int64)),
  ADD COLUMN IF NOT EXISTS isForeign Bool,
  ADD COLUMN IF NOT EXISTS capPlaces Array(Tuple(capId String, key String, periodStart DateTime64(3, 'UTC'), isGranted Bool, payoutMicros Int64)),
  ADD COLUMN IF NOT EXISTS tierPlaces Array(Tuple(key String, periodStart DateTime64(3, 'UTC'), position Int32)),
  ADD COLUMN IF NOT EXISTS `ledger.firstOffset` Nullable(Int64),
  ADD COLUMN IF NOT EXISTS `ledger.contributions` Array(Tuple(occurredAt DateTime64(3, 'UTC'), receiptId Nullable(UUID), details Array(String), subIds Array(String), extras Array(String), subjectHashes Array(String)));

ALTER TABLE conversions
  ADD COLUMN IF NOT EXISTS occurredAtIsAssumed Bool,
  ADD COLUMN IF NOT EXISTS eventTypes Array(String),
  ADD COLUMN IF NOT EXISTS reversedTransactionId Nullable(String),
  ADD COLUMN IF NOT EXISTS reportedClickId Nullable(UUID),
  ADD COLUMN IF NOT EXISTS malformedClickId Nullable(String),
  ADD COLUMN IF NOT EXISTS matchedBy LowCardinality(Nullable(String)),
  ADD COLUMN IF NOT EXISTS quantity Nullable(Int32),
  ADD COLUMN IF NOT EXISTS clickKind LowCardinality(Nullable(String)),
  ADD COLUMN IF NOT EXISTS clickAutomation LowCardinality(Nullable(String)),
  ADD COLUMN IF NOT EXISTS payoutParts Array(Tuple(clickId UUID, partnerId Nullable(String), micros Int64)),
  ADD COLUMN IF NOT EXISTS isForeign Bool,
  ADD COLUMN IF NOT EXISTS capPlaces Array(Tuple(capId String, key String, periodStart DateTime64(3, 'UTC'), isGranted Bool, payoutMicros Int64)),
  ADD COLUMN IF NOT EXISTS tierPlaces Array(Tuple(key String, periodStart DateTime64(3, 'UTC'), position Int32));

-- One row per key of a conversion and conversion: its own id, so that all keys are looked up at once; its transaction (of a
-- reversal that of its original), its customer, the click its reports name, and what its reports name persons by.
-- Key: the hash is what is asked for; a conversion that is decided again gives the same rows.
CREATE TABLE IF NOT EXISTS conversion_keys
(
  keyHash UInt64,
  conversionId UUID
)
ENGINE = {{replacing()}}
ORDER BY (keyHash, conversionId)
SETTINGS index_granularity = 256, min_compress_block_size = 4096, max_compress_block_size = 16384;

-- One row per conversion: its newest revision, for whoever takes up a delivery that has waited. In `conversions` a granule has
-- 8,192 wide rows, and deliveries that wait come back in no order.
-- Key: a conversion; a revision that comes twice is the same row.
CREATE TABLE IF NOT EXISTS conversion_revisions
(
  conversionId UUID,
  revision Int32
)
ENGINE = {{replacing(revision)}}
ORDER BY conversionId
SETTINGS index_granularity = 256, min_compress_block_size = 4096, max_compress_block_size = 16384;

-- One row per record: its bytes as they stand in the log. A conversion is looked up with all its revisions, and whoever reads
-- them goes by the latest and, of one revision, by the first record (libs/store/src/decision-records.ts).
-- Key: the record's key, which is its conversion (of no id, zeros), and where it stood first; a record that comes twice is the
-- same row.
CREATE TABLE IF NOT EXISTS decision_records
(
  conversionId UUID,
  value String,
  recordPartition UInt16,
  recordOffset UInt64
)
ENGINE = {{replacing()}}
ORDER BY (conversionId, recordPartition, recordOffset)
SETTINGS index_granularity = 64, min_compress_block_size = 4096, max_compress_block_size = 65536;

-- One row per click: what attribution reads of it as one text, so that a lookup reads one column of a small granule instead of
-- twenty of a large one. It is an array of the fields that the feed names in the order of the schema, records within it as
-- arrays too; instants are epoch milliseconds, bytes hexadecimal.
-- Key: as in clicks, and so is the version: the first record of a click wins.
CREATE TABLE IF NOT EXISTS click_states
(
  clickId UUID,
  recordVersion UInt64,
  record String
)
ENGINE = {{replacing(recordVersion)}}
ORDER BY UUIDToNum(clickId)
SETTINGS index_granularity = 64, min_compress_block_size = 4096, max_compress_block_size = 65536;

-- One row per key of a click and click, of clicks that carry a customer id or what names a person.
-- Key: as in conversion_keys.
CREATE TABLE IF NOT EXISTS click_keys
(
  keyHash UInt64,
  clickId UUID
)
ENGINE = {{replacing()}}
ORDER BY (keyHash, clickId)
SETTINGS index_granularity = 256, min_compress_block_size = 4096, max_compress_block_size = 16384;

-- One row per counter of a cap and conversion that asked it for a place. A counter is never kept as a sum: a record that
-- comes twice would count twice.
-- Key: a conversion has one place on a counter; of its revisions the latest holds.
CREATE TABLE IF NOT EXISTS cap_places
(
  counterHash UInt64,
  conversionId UUID,
  isGranted Bool,
  payoutMicros Int64,
  recordVersion UInt64
)
ENGINE = {{replacing(recordVersion)}}
ORDER BY (counterHash, conversionId)
SETTINGS index_granularity = 1024;

-- One row per counter of a payout by tiers and conversion it has given a number, from 0. The numbers are kept and not only
-- counted: of a send that arrived in part the later ones may be on record and earlier ones not, and those are given again.
-- Key: as in cap_places. A number once given is kept by every later revision; of two records of one revision the first in
-- the log has its way here too.
CREATE TABLE IF NOT EXISTS tier_places
(
  counterHash UInt64,
  conversionId UUID,
  position Int32,
  recordVersion UInt64
)
ENGINE = {{replacing(recordVersion)}}
ORDER BY (counterHash, conversionId)
SETTINGS index_granularity = 1024;

-- One row per click that carries a customer id or a hash of personal data, for two days; what the click says is in clicks.
-- Attribution looks through the latest of them for conversions of the same person that were decided before the click was to
-- be seen.
-- Key: the instant at which it was stored, by ClickHouse's clock, since only the latest are read; a click that was recorded
-- twice has two rows.
CREATE TABLE IF NOT EXISTS person_clicks
(
  storedAt DateTime64(3, 'UTC'),
  clickId UUID,
  advertiserId LowCardinality(String)
)
ENGINE = {{replacing()}}
ORDER BY (storedAt, clickId)
TTL toDateTime(storedAt) + INTERVAL 2 DAY;
