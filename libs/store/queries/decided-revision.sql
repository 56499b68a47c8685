-- One revision of a conversion, as it stands first in the log.
SELECT {{columns}}
FROM decisions
WHERE conversionId = {conversionId:UUID} AND revision = {revision:Int32}
ORDER BY recordVersion DESC
LIMIT 1
