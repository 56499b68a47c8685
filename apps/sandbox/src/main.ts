/** Starts the sandbox. */
import { createLogger, readSettings, startService, systemClock } from '@tributary/runtime';
import { keepBodiesAsText, sandboxModule } from './sandbox.module.ts';

const settings = readSettings(['SANDBOX_PORT', 'SANDBOX_STATE', 'LISTEN_HOST', 'LOG_LEVEL']);

await startService({
  service: 'sandbox',
  module: sandboxModule({ stateFolder: settings.SANDBOX_STATE, clock: systemClock }),
  logger: createLogger('sandbox', settings.LOG_LEVEL),
  host: settings.LISTEN_HOST,
  port: settings.SANDBOX_PORT,
  prepare: keepBodiesAsText,
});
