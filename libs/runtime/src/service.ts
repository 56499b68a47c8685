/** How every service starts and stops: Nest on Fastify, one log, SIGTERM drains within a bound. */
import 'reflect-metadata';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import type { DynamicModule, INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyServerOptions } from 'fastify';
import { HealthController } from './health.ts';
import { type Logger, nestLogger } from './logger.ts';
import { collectProcessMetrics } from './metrics.ts';
import { readSettings } from './settings.ts';
import { startTracing, stopTracing } from './tracing.ts';
import { answerUnreadable, UnroutedFilter } from './unrouted.filter.ts';

/** A drain that takes longer is cut, DRAIN_DELAY_MS included: orchestrators send SIGKILL at 30 s. */
const DRAIN_BOUND_MS = 25_000;
const KEEP_ALIVE_MS = 65_000;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 15_000;

export interface ServiceOptions {
  /** Its name in metrics and spans: that of its folder in apps/. */
  readonly service: string;
  readonly module: Type | DynamicModule;
  readonly logger: Logger;
  readonly host: string;
  readonly port: number;
  /** Wraps Node's HTTP server, for hot routes that are served before the framework. */
  readonly serverFactory?: FastifyServerOptions['serverFactory'];
  /** Wires what Nest needs before listening, e.g. a microservice strategy. */
  readonly prepare?: (app: NestFastifyApplication) => Promise<void> | void;
  /** Called when the service begins to stop, while it still takes what comes. */
  readonly onDrain?: () => void;
}

/** Starts a service and keeps it until SIGTERM or SIGINT; a defect that escapes everything ends the process with code 1. */
export async function startService(options: ServiceOptions): Promise<INestApplication> {
  const { logger } = options;
  exitOnEscapedDefect(logger);
  collectProcessMetrics(options.service);
  startTracing(options.service, readSettings(['TRACING', 'OTEL_EXPORTER_OTLP_ENDPOINT']));
  const adapter = new FastifyAdapter({
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    frameworkErrors: answerUnreadable,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    ...(options.serverFactory && { serverFactory: options.serverFactory }),
  });
  const app = await NestFactory.create<NestFastifyApplication>(options.module, adapter, {
    logger: nestLogger(logger),
  });
  app.useGlobalFilters(new UnroutedFilter());
  await options.prepare?.(app);
  await app.startAllMicroservices();
  await app.listen(options.port, options.host);
  drainOnSignal(app, options);
  logger.info({ host: options.host, port: options.port, pid: process.pid }, 'service.started');
  return app;
}

/** Ends the process when a consumer is beyond repair: a service that no longer reads must not look healthy. */
export function crashOn(logger: Logger): (error: Error) => void {
  return (error) => {
    logger.fatal({ err: error }, 'consumer.crashed');
    process.exit(1);
  };
}

function drainOnSignal(app: INestApplication, { logger, onDrain }: ServiceOptions): void {
  const settings = readSettings(['DRAIN_DELAY_MS', 'EXIT_WITH_PARENT']);
  let draining = false;
  const drain = (signal: NodeJS.Signals) => {
    if (draining) return;
    draining = true;
    logger.info({ signal }, 'service.draining');
    const bound = setTimeout(() => {
      logger.error({ boundMs: DRAIN_BOUND_MS }, 'service.drain_cut');
      process.exit(1);
    }, DRAIN_BOUND_MS);
    bound.unref();
    const stop = async () => {
      app.get(HealthController).drain();
      onDrain?.();
      // A load balancer goes on sending here until it has seen that.
      await delay(settings.DRAIN_DELAY_MS);
      await app.close();
      await stopTracing();
    };
    stop().then(
      () => {
        logger.info('service.stopped');
        process.exit(0);
      },
      (error: unknown) => {
        logger.error({ err: error }, 'service.drain_failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', drain);
  process.on('SIGINT', drain);
  if (settings.EXIT_WITH_PARENT) {
    process.stdin.on('close', () => drain('SIGTERM')).resume();
  }
}

function exitOnEscapedDefect(logger: Logger): void {
  const exit = (error: unknown) => {
    logger.fatal({ err: error }, 'service.crashed');
    process.exit(1);
  };
  process.on('uncaughtException', exit);
  process.on('unhandledRejection', exit);
}
