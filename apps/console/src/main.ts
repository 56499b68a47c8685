/** Console: the configuration over HTTP, and its only writer; and why each conversion stands where it stands. */
import { settleSchemaIds } from '@tributary/bus';
import { createLogger, readSettings, startService, systemClock } from '@tributary/runtime';
import { composeConsole } from './console.module.ts';
import { storedEvidence } from './explain/stored-evidence.ts';
import { kafkaBus } from './kafka-bus.ts';
import { storedReplays } from './replay/stored-replays.ts';
import { watchUndecoded } from './undecoded/watch-undecoded.ts';

const settings = readSettings([
  'KAFKA_BROKERS',
  'SCHEMA_REGISTRY_URL',
  'SCHEMA_IDS',
  'CLICKHOUSE_URL',
  'CLICKHOUSE_USER',
  'CLICKHOUSE_PASSWORD',
  'CLICKHOUSE_DATABASE',
  'CONSOLE_PORT',
  'LISTEN_HOST',
  'CONSOLE_API_KEY',
  'SECRETS_KEYS',
  'LOG_LEVEL',
]);
const logger = createLogger('console', settings.LOG_LEVEL);

await settleSchemaIds(settings, logger);
await startService({
  service: 'console',
  module: composeConsole({
    settings,
    logger,
    clock: systemClock,
    bus: kafkaBus(settings, logger),
    evidence: storedEvidence(settings),
    replays: storedReplays(settings, logger),
    undecoded: watchUndecoded(settings, logger),
  }),
  logger,
  host: settings.LISTEN_HOST,
  port: settings.CONSOLE_PORT,
});
