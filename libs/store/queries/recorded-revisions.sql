-- Every revision of a lane that names a place in this part of its log.
SELECT {{columns}}
FROM decisions FINAL
WHERE lane = {lane:String}
  AND triggerPartition = {partition:Int32}
  AND triggerOffset >= {firstOffset:Int64}
  AND triggerOffset < {endOffset:Int64}
ORDER BY conversionId, revision
