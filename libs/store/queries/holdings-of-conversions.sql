-- What destinations hold of the given conversions; ordered by version, so unmerged older rows fall away without FINAL.
SELECT {{columns}}
FROM holdings
WHERE conversionId IN (SELECT arrayJoin({conversionIds:Array(UUID)}))
ORDER BY recordVersion DESC
LIMIT 1 BY conversionId, holdingId
