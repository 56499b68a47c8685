-- Which numbers each given counter of tiers has given: the one behind the greatest, and those below it that nobody has.
-- Only where some are missing are the numbers up to the end made up. FINAL as for caps.
WITH
  toUInt32(max(position) + 1) AS `end`,
  groupBitmapState(toUInt32(position)) AS given,
  bitmapCardinality(given) = `end` AS isWhole
SELECT
  counterHash,
  `end`,
  arraySort(bitmapToArray(bitmapAndnot(bitmapBuild(range(if(isWhole, 0, `end`))), given))) AS gaps
FROM tier_places FINAL
WHERE counterHash IN (SELECT arrayJoin({counterHashes:Array(UInt64)}))
GROUP BY counterHash
