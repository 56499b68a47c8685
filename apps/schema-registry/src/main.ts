/** Starts the schema registry. */
import { createLogger, readSettings, startService } from '@tributary/runtime';
import { readBodiesAsText, SchemaRegistryModule } from './schema-registry.module.ts';

const settings = readSettings(['SCHEMA_REGISTRY_PORT', 'LISTEN_HOST', 'LOG_LEVEL']);

await startService({
  service: 'schema-registry',
  module: SchemaRegistryModule,
  logger: createLogger('schema-registry', settings.LOG_LEVEL),
  host: settings.LISTEN_HOST,
  port: settings.SCHEMA_REGISTRY_PORT,
  prepare: readBodiesAsText,
});
