/** The configuration over HTTP: lists, entities, their writes, and the version console has seen. */
import { Body, Controller, Delete, Get, Inject, Param, Put, Query, Res, UseGuards } from '@nestjs/common';
import { ConfigurationFollower, type ConfiguredEntityType } from '@tributary/configuration';
import type { FastifyReply } from 'fastify';
import { ACTOR, ApiKeyGuard } from './api-key.guard.ts';
import { ConfigurationWriter } from './configuration-writer.ts';
import { newestView } from './entity-view.ts';
import { done, type Outcome, REFUSAL_STATUSES, refuse } from './refusal.ts';
import { readVersion, readWriteRequest } from './write-request.ts';

const COLLECTIONS: ReadonlyMap<string, ConfiguredEntityType> = new Map([
  ['advertisers', 'advertiser'],
  ['offers', 'offer'],
  ['campaigns', 'campaign'],
  ['partners', 'partner'],
  ['sources', 'source'],
  ['destinations', 'destination'],
  ['subscriptions', 'subscription'],
]);

@Controller('api/v1')
@UseGuards(ApiKeyGuard)
export class ConfigurationController {
  readonly #follower: ConfigurationFollower;
  readonly #writer: ConfigurationWriter;

  constructor(
    @Inject(ConfigurationFollower) follower: ConfigurationFollower,
    @Inject(ConfigurationWriter) writer: ConfigurationWriter,
  ) {
    this.#follower = follower;
    this.#writer = writer;
  }

  /** Offset of configuration.changed up to which console has read. */
  @Get('configuration/version')
  version(): object {
    return { version: this.#follower.current.version };
  }

  @Get(':collection')
  list(@Param('collection') collection: string, @Res({ passthrough: true }) reply: FastifyReply): object {
    const entityType = COLLECTIONS.get(collection);
    if (entityType === undefined) return answer(reply, noSuchCollection());
    const { current } = this.#follower;
    const items = current.list(entityType).map(({ id }) => newestView(current, entityType, id));
    return answer(reply, done({ version: current.version, items }));
  }

  @Get(':collection/:id')
  entity(
    @Param('collection') collection: string,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): object {
    const entityType = COLLECTIONS.get(collection);
    if (entityType === undefined) return answer(reply, noSuchCollection());
    const view = newestView(this.#follower.current, entityType, id);
    return answer(
      reply,
      view === undefined ? refuse('not_found', `there is no ${entityType} with this id`) : done(view),
    );
  }

  @Put(':collection/:id')
  async put(
    @Param('collection') collection: string,
    @Param('id') id: string,
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const entityType = COLLECTIONS.get(collection);
    if (entityType === undefined) return answer(reply, noSuchCollection());
    const request = readWriteRequest(body);
    if (!request.ok) return answer(reply, request);
    return answer(reply, await this.#writer.put({ entityType, id, actor: ACTOR }, request.value));
  }

  @Delete(':collection/:id')
  async remove(
    @Param('collection') collection: string,
    @Param('id') id: string,
    @Query('expectedVersion') expectedVersion: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const entityType = COLLECTIONS.get(collection);
    if (entityType === undefined) return answer(reply, noSuchCollection());
    const version = readVersion(expectedVersion);
    if (!version.ok) return answer(reply, version);
    return answer(reply, await this.#writer.remove({ entityType, id, actor: ACTOR }, version.value));
  }
}

/** The body of the answer; its status goes onto the reply. */
function answer(reply: FastifyReply, outcome: Outcome<object>): object {
  if (outcome.ok) return outcome.value;
  void reply.status(REFUSAL_STATUSES[outcome.refusal.code]);
  return outcome.refusal;
}

function noSuchCollection() {
  return refuse('not_found', `there are ${[...COLLECTIONS.keys()].join(', ')}`);
}
