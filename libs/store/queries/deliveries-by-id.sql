-- Where the given deliveries stand; ordered by version, so unmerged older rows fall away without FINAL.
SELECT deliveryId, revision, attempt, phase, outcome, nextAttemptAt
FROM deliveries
WHERE deliveryId IN (SELECT arrayJoin({deliveryIds:Array(UUID)}))
ORDER BY recordVersion DESC
LIMIT 1 BY deliveryId
