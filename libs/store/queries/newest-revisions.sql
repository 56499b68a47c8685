-- The newest revision of each given conversion; one thread, as for holdings-of-conversions.
SELECT conversionId, max(revision) AS revision
FROM conversion_revisions
WHERE conversionId IN (SELECT arrayJoin({conversionIds:Array(UUID)}))
GROUP BY conversionId
SETTINGS max_threads = 1
