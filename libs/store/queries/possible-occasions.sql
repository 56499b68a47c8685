-- Conversions that may become the occasion of a signal within the window of their partition: by class and time alone, so
-- more than will. An older revision that is not merged away yet gives a row too many.
-- A conversion that occurred before it was decided has been looked at for what it was an occasion of at once.
WITH indexOf({partitions:Array(Int32)}, triggerPartition) AS place
SELECT conversionId, triggerPartition, advertiserId, eventClass, planId, toUnixTimestamp64Milli(occurredAt) AS occurredAtMs
FROM conversions
WHERE advertiserId IN (SELECT arrayJoin({advertiserIds:Array(String)}))
  AND triggerPartition IN (SELECT arrayJoin({partitions:Array(Int32)}))
  AND (
    (occurredAt > decidedAt AND toUnixTimestamp64Milli(occurredAt) >= arrayElement({fromMs:Array(Int64)}, place) AND toUnixTimestamp64Milli(occurredAt) < {untilMs:Int64})
    OR arrayExists(
      (class, months, afterMs) ->
        eventClass = class
        AND toUnixTimestamp64Milli(addMonths(occurredAt, months)) + afterMs >= arrayElement({fromMs:Array(Int64)}, place)
        AND toUnixTimestamp64Milli(addMonths(occurredAt, months)) + afterMs < {untilMs:Int64},
      {classes:Array(String)}, {months:Array(Int32)}, {afterMs:Array(Int64)}
    )
  )
