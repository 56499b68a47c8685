-- Of the given signals those that were ever sent, as they were sent last.
SELECT {{columns}}
FROM lifecycle_signals
WHERE signalId IN (SELECT arrayJoin({signalIds:Array(UUID)}))
ORDER BY recordVersion DESC
LIMIT 1 BY signalId
