-- The latest revision of conversions that wait, or have waited in a revision that is not merged away yet, of the lanes in
-- the given partitions. Without FINAL, which would read every conversion there is.
SELECT record
FROM conversion_states
WHERE conversionId GLOBAL IN (
  SELECT conversionId
  FROM conversions
  WHERE (match = 'parked' OR (state = 'held' AND isNotNull(heldUntil)))
    AND triggerPartition IN (SELECT arrayJoin({partitions:Array(Int32)}))
)
ORDER BY recordVersion DESC
LIMIT 1 BY conversionId
