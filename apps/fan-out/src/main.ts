/** Fan-out: decided conversions in, requests to partner networks and ad platforms out, every attempt on record. */
import type { CustomStrategy } from '@nestjs/microservices';
import { BatchStrategy, settleSchemaIds } from '@tributary/bus';
import { createLogger, readSettings, startService } from '@tributary/runtime';
import { composeFanOut } from './fan-out.module.ts';

const settings = readSettings([
  'KAFKA_BROKERS',
  'SCHEMA_REGISTRY_URL',
  'SCHEMA_IDS',
  'CLICKHOUSE_URL',
  'CLICKHOUSE_USER',
  'CLICKHOUSE_PASSWORD',
  'CLICKHOUSE_DATABASE',
  'FAN_OUT_PORT',
  'LISTEN_HOST',
  'SECRETS_KEYS',
  'DELIVERY_TIMEOUT_MS',
  'DELIVERY_ALLOW_PRIVATE',
  'DELIVERY_ALLOWED_NETWORKS',
  'LOG_LEVEL',
]);
const logger = createLogger('fan-out', settings.LOG_LEVEL);

await settleSchemaIds(settings, logger);
await startService({
  service: 'fan-out',
  module: composeFanOut({ settings, logger }),
  logger,
  host: settings.LISTEN_HOST,
  port: settings.FAN_OUT_PORT,
  prepare: (app) => {
    app.connectMicroservice<CustomStrategy>({ strategy: app.get(BatchStrategy) }, { inheritAppConfig: true });
  },
});
