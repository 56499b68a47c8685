-- How many conversions each given counter of tiers has numbered; FINAL as for caps.
SELECT counterHash, toInt32(count()) AS numbered
FROM tier_places FINAL
WHERE counterHash IN (SELECT arrayJoin({counterHashes:Array(UInt64)}))
GROUP BY counterHash
