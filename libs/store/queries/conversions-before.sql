-- Conversions of a lane as they stood before a place in its log: those that a later postback or revision is about, and those
-- that share a key with them, over two steps, since the rules go one step from each conversion that is decided again.
-- Of one revision the first record wins. GLOBAL, because on a cluster these are distributed tables.
WITH
  touched AS (
    SELECT conversionId
    FROM decisions
    WHERE lane = {lane:String} AND triggerPartition = {partition:Int32} AND triggerOffset >= {firstOffset:Int64}
    UNION DISTINCT
    SELECT assumeNotNull(conversionId)
    FROM receipts
    WHERE lane = {lane:String}
      AND triggerPartition = {partition:Int32}
      AND triggerOffset >= {firstOffset:Int64}
      AND isNotNull(conversionId)
  ),
  near AS (
    SELECT conversionId
    FROM conversion_keys
    WHERE keyHash GLOBAL IN (SELECT keyHash FROM conversion_keys WHERE conversionId GLOBAL IN (SELECT * FROM touched))
  ),
  around AS (
    SELECT conversionId
    FROM conversion_keys
    WHERE keyHash GLOBAL IN (SELECT keyHash FROM conversion_keys WHERE conversionId GLOBAL IN (SELECT * FROM near))
  ),
  before AS (
    SELECT conversionId, recordPartition, recordOffset
    FROM decisions
    WHERE lane = {lane:String}
      AND triggerPartition = {partition:Int32}
      AND triggerOffset < {firstOffset:Int64}
      AND conversionId GLOBAL IN (SELECT * FROM touched UNION DISTINCT SELECT * FROM around)
    ORDER BY revision DESC, recordVersion DESC
    LIMIT 1 BY conversionId
  )
SELECT base64Encode(value) AS value, recordOffset
FROM decision_records
WHERE (conversionId, recordPartition, recordOffset) GLOBAL IN (SELECT * FROM before)
