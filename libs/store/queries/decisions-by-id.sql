-- Every record of the given conversions; one thread, as for holdings-of-conversions.
SELECT base64Encode(value) AS value, recordOffset
FROM decision_records
WHERE conversionId IN (SELECT arrayJoin({conversionIds:Array(UUID)}))
SETTINGS max_threads = 1
