/** The composition of the schema registry: locked schemas, protocol, health. */
import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SUBJECT_VERSIONS } from '@tributary/contracts';
import { HealthController, MetricsController, READINESS_CHECKS } from '@tributary/runtime';
import { RegistryController } from './registry.controller.ts';
import { Registry } from './registry.ts';

@Module({
  controllers: [HealthController, MetricsController, RegistryController],
  providers: [
    { provide: Registry, useFactory: () => new Registry(SUBJECT_VERSIONS) },
    // Everything it serves is in the program: once it listens, it is ready.
    { provide: READINESS_CHECKS, useValue: [] },
  ],
})
export class SchemaRegistryModule {}

/** Takes a body of any media type as text: clients send `application/vnd.schemaregistry.v1+json` or plain JSON. */
export function readBodiesAsText(app: NestFastifyApplication): void {
  // Fastify parses these two itself unless they are named.
  app.useBodyParser(['application/json', 'text/plain', '*'], {}, (_request, body, done) =>
    done(null, body.toString('utf8')),
  );
}
