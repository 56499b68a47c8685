-- Both facts of every request that carried a conversion. The key is the request, so the ids in the requests are read whole.
SELECT {{columns}}
FROM delivery_attempts
WHERE has(deliveries.conversionId, {conversionId:UUID})
ORDER BY recordVersion DESC
LIMIT 1 BY requestId, phase
