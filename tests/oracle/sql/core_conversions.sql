-- What the core has decided, in the columns of `conversions` that are compared; credits as (click, numerator, denominator).
CREATE OR REPLACE TABLE oracle_core_conversions
(
  receiptId UUID,
  advertiserId String,
  eventClass String,
  match String,
  state String,
  clickId Nullable(UUID),
  revenueMicros Nullable(Int64),
  payoutMicros Nullable(Int64),
  payoutCurrency Nullable(String),
  reversedRevenueMicros Nullable(Int64),
  reversedPayoutMicros Nullable(Int64),
  isFirstOfCustomer Nullable(Bool),
  credits Array(Tuple(String, Int64, Int64))
)
ENGINE = MergeTree ORDER BY receiptId;
