/** The composition of the sandbox: record, behaviours, receivers, admin, health. */
import { type DynamicModule, Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type Clock, HealthController, MetricsController, READINESS_CHECKS } from '@tributary/runtime';
import { AdminController } from './admin.controller.ts';
import { Behaviours } from './behaviour.ts';
import { LandingController } from './landing.controller.ts';
import { NastyController } from './nasty.controller.ts';
import { ReceivedCalls } from './received-calls.ts';
import { CLOCK, ReceiversController } from './receivers.controller.ts';

export interface SandboxOptions {
  /** Folder of the record; empty for memory only. */
  readonly stateFolder: string;
  readonly clock: Clock;
}

@Module({})
class SandboxModule {}

export function sandboxModule({ stateFolder, clock }: SandboxOptions): DynamicModule {
  return {
    module: SandboxModule,
    controllers: [
      LandingController,
      HealthController,
      MetricsController,
      AdminController,
      NastyController,
      ReceiversController,
    ],
    providers: [
      { provide: ReceivedCalls, useFactory: () => new ReceivedCalls(stateFolder) },
      { provide: Behaviours, useFactory: () => new Behaviours() },
      { provide: CLOCK, useValue: clock },
      // Its record is read before it listens: once it listens, it is ready.
      { provide: READINESS_CHECKS, useValue: [] },
    ],
  };
}

/** Leaves every body as the text that came in: the record keeps what was sent, and parsing would round its numbers. */
export function keepBodiesAsText(app: NestFastifyApplication): void {
  // Fastify parses the first two itself unless they are named.
  const types = ['application/json', 'text/plain', '*'];
  app.useBodyParser(types, {}, (_request, body, done) => done(null, body.toString('utf8')));
}
