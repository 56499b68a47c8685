-- Which numbers every counter of tiers in a lane had given before a place in its log; as in tier-uses.sql.
WITH
  toUInt32(max(place.position) + 1) AS `end`,
  groupBitmapState(toUInt32(place.position)) AS given,
  bitmapCardinality(given) = `end` AS isWhole
SELECT
  place.key AS key,
  toString(toUnixTimestamp64Milli(place.periodStart)) AS periodStart,
  `end`,
  arraySort(bitmapToArray(bitmapAndnot(bitmapBuild(range(if(isWhole, 0, `end`))), given))) AS gaps
FROM (
  SELECT tierPlaces
  FROM decisions
  WHERE lane = {lane:String} AND triggerPartition = {partition:Int32} AND triggerOffset < {firstOffset:Int64}
  ORDER BY revision DESC, recordVersion DESC
  LIMIT 1 BY conversionId
)
ARRAY JOIN tierPlaces AS place
GROUP BY place.key, place.periodStart
