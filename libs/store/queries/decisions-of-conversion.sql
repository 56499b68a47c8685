-- Every revision of a conversion, the oldest first; of a revision that was written twice the first in the log.
SELECT {{columns}}
FROM decisions
WHERE conversionId = {conversionId:UUID}
ORDER BY revision, recordVersion DESC
LIMIT 1 BY revision
