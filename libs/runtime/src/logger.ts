/** The JSON log: pino with secrets and personal data kept out by path, and Nest's own messages brought into it. */
import type { LoggerService } from '@nestjs/common';
import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

// Paths cannot see inside strings: no line of ours carries a URL with its query, a header object or a body.
const REDACTED_PATHS = [
  'token',
  'secret',
  'secrets',
  'authorization',
  'password',
  'email',
  'phone',
  'ipAddress',
  'headers',
  '*.token',
  '*.secret',
  '*.secrets',
  '*.authorization',
  '*.password',
  '*.email',
  '*.phone',
  '*.ipAddress',
  '*.headers',
];

/** The log of one service, on standard output unless told otherwise; instants are ISO 8601 UTC. */
export function createLogger(service: string, level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
    serializers: { err: describeError },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** Error as logged: client libraries hang requests, headers and configurations on their errors, so only these fields pass. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const code = 'code' in error ? error.code : undefined;
  return { type: error.name, message: error.message, code, stack: error.stack };
}

/** Nest's messages as lines of the service's log. */
export function nestLogger(logger: Logger): LoggerService {
  return {
    log: (message: unknown) => logger.debug({ from: 'nest' }, String(message)),
    error: (message: unknown) => logger.error({ from: 'nest', err: message }, 'framework.failed'),
    warn: (message: unknown) => logger.warn({ from: 'nest' }, String(message)),
    fatal: (message: unknown) => logger.fatal({ from: 'nest', err: message }, 'framework.failed'),
  };
}
