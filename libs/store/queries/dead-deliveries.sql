-- Dead letters of deliveries behind an id, in the order of their ids; unmerged repeats of one fall away. Empty texts ask for nothing.
SELECT deadLetterId, reasonCode, conversionId, deliveryId, destinationId, attempts AS attempt, deadLetteredAt
FROM dead_letters
WHERE kind = 'delivery'
  AND deadLetterId > {afterId:UUID}
  AND (empty({deadLetterIds:Array(UUID)}) OR deadLetterId IN (SELECT arrayJoin({deadLetterIds:Array(UUID)})))
  AND ({destinationId:String} = '' OR destinationId = {destinationId:String})
  AND ({reasonCode:String} = '' OR reasonCode = {reasonCode:String})
  AND deadLetteredAt >= fromUnixTimestamp64Milli({from:Int64})
  AND deadLetteredAt < fromUnixTimestamp64Milli({until:Int64})
ORDER BY deadLetterId
LIMIT 1 BY deadLetterId
LIMIT {limit:UInt32}
