-- The latest revision of each given conversion; ordered by version, so unmerged older rows fall away without FINAL.
SELECT {{columns}}
FROM conversions
WHERE conversionId IN (SELECT arrayJoin({conversionIds:Array(UUID)}))
ORDER BY recordVersion DESC
LIMIT 1 BY conversionId
