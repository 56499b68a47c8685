-- Conversions that at some time named this one as what they take back; whether they still do stands in their latest revision.
SELECT DISTINCT conversionId
FROM conversions
WHERE originalConversionId = {conversionId:UUID}
