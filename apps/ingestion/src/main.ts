/** Ingestion: HTTP in, events out; answers only after Kafka or the spool has them. */
import { settleSchemaIds } from '@tributary/bus';
import { createLogger, readSettings, startService } from '@tributary/runtime';
import { HttpEdge } from './edge/http-edge.ts';
import { composeIngestion } from './ingestion.module.ts';

const settings = readSettings([
  'KAFKA_BROKERS',
  'SCHEMA_REGISTRY_URL',
  'SCHEMA_IDS',
  'CLICKHOUSE_URL',
  'CLICKHOUSE_USER',
  'CLICKHOUSE_PASSWORD',
  'CLICKHOUSE_DATABASE',
  'INGESTION_PORT',
  'LISTEN_HOST',
  'SECRETS_KEYS',
  'ACCEPT_DEADLINE_MS',
  'CLICK_LOG_SHARE',
  'TRUSTED_PROXIES',
  'INGESTION_INSTANCES',
  'INGESTION_STATE',
  'IDEMPOTENCY_KEY_HOURS',
  'CLICK_FALLBACK_URL',
  'COUNTRY_HEADER',
  'SPOOL_MAX_BYTES',
  'LOG_LEVEL',
]);
const logger = createLogger('ingestion', settings.LOG_LEVEL);
const edge = new HttpEdge(logger);

await settleSchemaIds(settings, logger);
await startService({
  service: 'ingestion',
  module: composeIngestion({ settings, logger, edge }),
  logger,
  host: settings.LISTEN_HOST,
  port: settings.INGESTION_PORT,
  serverFactory: (framework) => edge.createServer(framework),
  onDrain: () => edge.drain(),
});
