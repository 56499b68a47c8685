-- The last step of each kind of the newest runs, or of one.
SELECT {{columns}}
FROM replays
WHERE runId IN (
  SELECT runId FROM replays
  WHERE step = 'ordered' AND (empty({runIds:Array(UUID)}) OR runId IN (SELECT arrayJoin({runIds:Array(UUID)})))
  GROUP BY runId ORDER BY min(recordedAt) DESC LIMIT {limit:UInt32}
)
ORDER BY sequence DESC, recordVersion DESC
LIMIT 1 BY runId, step
