-- Conversions that wait for their click, of the lanes in the given partitions; loaded once per assignment.
SELECT {{columns}}
FROM conversions FINAL
WHERE match = 'parked' AND triggerPartition IN (SELECT arrayJoin({partitions:Array(Int32)}))
