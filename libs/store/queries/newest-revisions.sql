-- The newest revision of each given conversion.
SELECT conversionId, max(revision) AS revision
FROM conversion_revisions
WHERE conversionId IN (SELECT arrayJoin({conversionIds:Array(UUID)}))
GROUP BY conversionId
