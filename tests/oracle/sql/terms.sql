-- The terms of the configuration, one row per stretch of time in which they are in force: since is in it, until is not.
CREATE OR REPLACE TABLE oracle_advertisers (advertiserId String, parkedForMs Int64, linksPersons Bool)
ENGINE = MergeTree ORDER BY advertiserId;

CREATE OR REPLACE TABLE oracle_event_types (
  advertiserId String, eventType String, eventClass String, repeatMode String, withoutTransactionId String, isReversal Bool
) ENGINE = MergeTree ORDER BY (advertiserId, eventType);

-- '' and 0 where an offer has no such rule.
CREATE OR REPLACE TABLE oracle_terms (
  offerId String, eventType String, since Int64, until Int64,
  windowMinMs Int64, windowMaxMs Int64, model String, halfLifeMs Int64, matchesHashedIdentity Bool,
  conditionType String, conditionWithinMs Int64,
  impossibleBelowMs Int64, impossibleAction String, botsAction String,
  velocityConversions Int64, velocityWithinMs Int64, velocityAction String,
  countryAction String, blockedSub1 Array(String), blockedAction String
) ENGINE = MergeTree ORDER BY (offerId, eventType, since);

-- A fixed amount and a percentage are a single tier that everything reaches. '' and -1: not given.
CREATE OR REPLACE TABLE oracle_payouts (
  offerId String, eventType String, since Int64, until Int64, partnerId String, firstOfCustomerOnly Bool,
  kind String, currency String, defaultMicros Int64, defaultCurrency String,
  tiers Array(Tuple(atLeast Int64, amountMicros Int64, percentMicros Int64, isNetOfTax UInt8, isNetOfShipping UInt8))
) ENGINE = MergeTree ORDER BY (offerId, eventType, since);

CREATE OR REPLACE TABLE oracle_caps (
  capId String, offerId String, partnerId String, isPerPartner Bool, eventType String, period String,
  conversions Int64, payoutMicros Int64
) ENGINE = MergeTree ORDER BY capId;

-- One unit of the source is worth numerator ÷ denominator of the target.
CREATE OR REPLACE TABLE oracle_rates (source String, target String, since Int64, until Int64, numerator Int64, denominator Int64)
ENGINE = MergeTree ORDER BY (source, target, since);
