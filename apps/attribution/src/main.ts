/** Attribution: postbacks in, verdicts and decisions out. */
import type { CustomStrategy } from '@nestjs/microservices';
import { BatchStrategy, settleSchemaIds } from '@tributary/bus';
import { createLogger, readSettings, startService } from '@tributary/runtime';
import { composeAttribution } from './attribution.module.ts';

const settings = readSettings([
  'KAFKA_BROKERS',
  'SCHEMA_REGISTRY_URL',
  'SCHEMA_IDS',
  'CLICKHOUSE_URL',
  'CLICKHOUSE_USER',
  'CLICKHOUSE_PASSWORD',
  'CLICKHOUSE_DATABASE',
  'ATTRIBUTION_PORT',
  'LISTEN_HOST',
  'LOG_LEVEL',
]);
const logger = createLogger('attribution', settings.LOG_LEVEL);

await settleSchemaIds(settings, logger);
await startService({
  service: 'attribution',
  module: composeAttribution({ settings, logger }),
  logger,
  host: settings.LISTEN_HOST,
  port: settings.ATTRIBUTION_PORT,
  prepare: (app) => {
    app.connectMicroservice<CustomStrategy>({ strategy: app.get(BatchStrategy) }, { inheritAppConfig: true });
  },
});
