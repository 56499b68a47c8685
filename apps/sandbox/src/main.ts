/** Starts the sandbox. */
import { createLogger, readSettings, startService, systemClock } from '@tributary/runtime';
import { listenWithBadTls } from './bad-tls.ts';
import { keepBodiesAsText, sandboxModule } from './sandbox.module.ts';

const settings = readSettings([
  'SANDBOX_PORT',
  'SANDBOX_TLS_PORT',
  'SANDBOX_STATE',
  'LISTEN_HOST',
  'LOG_LEVEL',
]);

if (settings.SANDBOX_TLS_PORT > 0) {
  (await listenWithBadTls(settings.SANDBOX_TLS_PORT, settings.LISTEN_HOST)).unref();
}

await startService({
  service: 'sandbox',
  module: sandboxModule({ stateFolder: settings.SANDBOX_STATE, clock: systemClock }),
  logger: createLogger('sandbox', settings.LOG_LEVEL),
  host: settings.LISTEN_HOST,
  port: settings.SANDBOX_PORT,
  prepare: keepBodiesAsText,
});
