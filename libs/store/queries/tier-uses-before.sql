-- How many conversions every counter of tiers in a lane had numbered before a place in its log.
SELECT
  place.key AS key,
  toString(toUnixTimestamp64Milli(place.periodStart)) AS periodStart,
  toInt32(count()) AS numbered
FROM (
  SELECT tierPlaces
  FROM decisions
  WHERE lane = {lane:String} AND triggerPartition = {partition:Int32} AND triggerOffset < {firstOffset:Int64}
  ORDER BY revision DESC, recordVersion DESC
  LIMIT 1 BY conversionId
)
ARRAY JOIN tierPlaces AS place
GROUP BY place.key, place.periodStart
