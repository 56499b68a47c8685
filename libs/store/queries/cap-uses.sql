-- What was used of each given counter of a cap. A place counts once, as the latest revision of its conversion has it.
SELECT counterHash, toInt32(countIf(isGranted)) AS granted, toString(sum(toInt128(payoutMicros))) AS usedMicros
FROM (
  SELECT counterHash, isGranted, payoutMicros
  FROM cap_places
  WHERE counterHash IN (SELECT arrayJoin({counterHashes:Array(UInt64)}))
  ORDER BY recordVersion DESC
  LIMIT 1 BY counterHash, conversionId
)
GROUP BY counterHash
