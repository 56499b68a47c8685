-- What last went wrong in each queue, if anything did.
SELECT table, arrayElement(exceptions.text, -1) AS error
FROM system.kafka_consumers
WHERE database = {database:String} AND notEmpty(exceptions.text)
