-- How many conversions each given counter of tiers has numbered.
SELECT counterHash, toInt32(uniqExact(conversionId)) AS numbered
FROM tier_places
WHERE counterHash IN (SELECT arrayJoin({counterHashes:Array(UInt64)}))
GROUP BY counterHash
