-- What every counter of a cap in a lane had given away before a place in its log, by the places of its conversions.
SELECT
  place.key AS key,
  toString(toUnixTimestamp64Milli(place.periodStart)) AS periodStart,
  toInt32(countIf(place.isGranted)) AS granted,
  toString(sum(toInt128(place.payoutMicros))) AS usedMicros
FROM (
  SELECT capPlaces
  FROM decisions
  WHERE lane = {lane:String} AND triggerPartition = {partition:Int32} AND triggerOffset < {firstOffset:Int64}
  ORDER BY revision DESC, recordVersion DESC
  LIMIT 1 BY conversionId
)
ARRAY JOIN capPlaces AS place
GROUP BY place.key, place.periodStart
