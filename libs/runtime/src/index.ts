/** What a process needs to run: settings, log, health, metrics, tracing, clock, failures, encryption, start and stop. */
export * from './clock.ts';
export * from './configuration-observer.ts';
export * from './encryption.ts';
export * from './errors.ts';
export * from './health.ts';
export * from './logger.ts';
export * from './metrics.ts';
export * from './metrics-endpoint.ts';
export * from './readiness-checks.ts';
export * from './service.ts';
export * from './settings.ts';
export * from './trace-context.ts';
export * from './tracing.ts';
export * from './turns.ts';
