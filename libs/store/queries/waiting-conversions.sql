-- Every record of conversions that wait, or have waited in a revision that is not merged away yet, of the lanes in the given
-- partitions. Without FINAL, which would read every conversion there is.
SELECT base64Encode(value) AS value, recordOffset
FROM decision_records
WHERE conversionId GLOBAL IN (
  SELECT conversionId
  FROM conversions
  WHERE (match = 'parked' OR (state = 'held' AND isNotNull(heldUntil)))
    AND triggerPartition IN (SELECT arrayJoin({partitions:Array(Int32)}))
)
