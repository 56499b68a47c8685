-- Clicks of these advertisers that tell whose they are, after the one at that place (epoch ms and id), the earliest first.
SELECT clickId, toUnixTimestamp64Milli(storedAt) AS storedAtMs, advertiserId
FROM person_clicks
WHERE storedAt >= fromUnixTimestamp64Milli({storedAt:Int64})
  AND (storedAt, clickId) > (fromUnixTimestamp64Milli({storedAt:Int64}), {clickId:UUID})
  AND advertiserId IN {advertiserIds:Array(String)}
ORDER BY storedAt, clickId
LIMIT {limit:UInt32}
