-- The runs that are neither stopped nor completed.
SELECT DISTINCT runId
FROM replays
WHERE runId NOT IN (SELECT runId FROM replays WHERE step IN ('stopped', 'completed'))
