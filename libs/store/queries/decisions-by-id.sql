-- Every record of the given conversions.
SELECT base64Encode(value) AS value, recordOffset
FROM decision_records
WHERE conversionId IN (SELECT arrayJoin({conversionIds:Array(UUID)}))
