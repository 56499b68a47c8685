/** The configuration over HTTP: lists, entities, their writes and plans, and the version console has seen. */
import { Body, Controller, Inject, Param, Query, Res } from '@nestjs/common';
import { ConfigurationFollower, type ConfiguredEntityType } from '@tributary/configuration';
import { type Clock, Encryption } from '@tributary/runtime';
import type { FastifyReply } from 'fastify';
import { answer } from './answer.ts';
import type { Holder } from './api-keys.ts';
import { ConfigurationPlanner } from './configuration-planner.ts';
import { ConfigurationWriter } from './configuration-writer.ts';
import { historyViews, scheduledViews } from './entity-view.ts';
import { KeyHolder, OnRoute } from './on-route.ts';
import { openapi } from './openapi.ts';
import { done, type Outcome, refuse } from './refusal.ts';
import { COLLECTIONS, PARTNER_COLLECTIONS } from './routes.ts';
import { secretInventory } from './secret-inventory.ts';
import { viewFor } from './view-for-holder.ts';
import { isRecord, malformed, readVersion, readWriteRequest, strangerAmong } from './write-request.ts';

export const CLOCK = Symbol('CLOCK');

@Controller('api/v1')
export class ConfigurationController {
  readonly #follower: ConfigurationFollower;
  readonly #writer: ConfigurationWriter;
  readonly #planner: ConfigurationPlanner;
  readonly #encryption: Encryption;
  readonly #clock: Clock;

  constructor(
    @Inject(ConfigurationFollower) follower: ConfigurationFollower,
    @Inject(ConfigurationWriter) writer: ConfigurationWriter,
    @Inject(ConfigurationPlanner) planner: ConfigurationPlanner,
    @Inject(Encryption) encryption: Encryption,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.#follower = follower;
    this.#writer = writer;
    this.#planner = planner;
    this.#encryption = encryption;
    this.#clock = clock;
  }

  @OnRoute('readOpenapi')
  openapi(): object {
    return openapi();
  }

  @OnRoute('readVersion')
  version(): object {
    return { version: this.#follower.current.version };
  }

  @OnRoute('listScheduled')
  scheduled(@KeyHolder() holder: Holder): object {
    const { current } = this.#follower;
    const items = scheduledViews(current, holder, [...COLLECTIONS.values()], this.#clock.now());
    return { version: current.version, items };
  }

  @OnRoute('listSecrets')
  secrets(): object {
    return secretInventory(this.#follower.current, this.#encryption, this.#clock.now());
  }

  @OnRoute('planChanges')
  plan(@Body() body: unknown, @Res({ passthrough: true }) reply: FastifyReply): object {
    return answer(reply, this.#planner.plan(body));
  }

  @OnRoute('listEntities')
  list(
    @KeyHolder() holder: Holder,
    @Param('collection') collection: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): object {
    const entityType = collectionFor(holder, collection);
    if (!entityType.ok) return answer(reply, entityType);
    const { current } = this.#follower;
    const items = current.ids(entityType.value).flatMap((id) => {
      const view = viewFor(holder, current, entityType.value, id, this.#clock.now());
      return view === undefined ? [] : [view];
    });
    return answer(reply, done({ version: current.version, items }));
  }

  @OnRoute('readEntity')
  entity(
    @KeyHolder() holder: Holder,
    @Param('collection') collection: string,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): object {
    const entityType = collectionFor(holder, collection);
    if (!entityType.ok) return answer(reply, entityType);
    const view = viewFor(holder, this.#follower.current, entityType.value, id, this.#clock.now());
    return answer(reply, view === undefined ? noSuchEntity(entityType.value) : done(view));
  }

  @OnRoute('readHistory')
  history(
    @KeyHolder() holder: Holder,
    @Param('collection') collection: string,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): object {
    const entityType = collectionFor(holder, collection);
    if (!entityType.ok) return answer(reply, entityType);
    const items = historyViews(this.#follower.current, holder, entityType.value, id);
    return answer(reply, items.length === 0 ? noSuchEntity(entityType.value) : done({ items }));
  }

  @OnRoute('putEntity')
  async put(
    @KeyHolder() { keyId: actor }: Holder,
    @Param('collection') collection: string,
    @Param('id') id: string,
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const entityType = COLLECTIONS.get(collection);
    if (entityType === undefined) return answer(reply, noSuchCollection());
    const request = readWriteRequest(body);
    if (!request.ok) return answer(reply, request);
    return answer(reply, await this.#writer.put({ entityType, id, actor }, request.value));
  }

  @OnRoute('removeEntity')
  async remove(
    @KeyHolder() { keyId: actor }: Holder,
    @Param('collection') collection: string,
    @Param('id') id: string,
    @Query('expectedVersion') expectedVersion: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const entityType = COLLECTIONS.get(collection);
    if (entityType === undefined) return answer(reply, noSuchCollection());
    const version = readVersion(expectedVersion);
    if (!version.ok) return answer(reply, version);
    return answer(reply, await this.#writer.remove({ entityType, id, actor }, version.value));
  }

  @OnRoute('resealEntity')
  async reseal(
    @KeyHolder() { keyId: actor }: Holder,
    @Param('collection') collection: string,
    @Param('id') id: string,
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const entityType = COLLECTIONS.get(collection);
    if (entityType === undefined) return answer(reply, noSuchCollection());
    const version = readExpectedVersion(body);
    if (!version.ok) return answer(reply, version);
    return answer(reply, await this.#writer.reseal({ entityType, id, actor }, version.value));
  }
}

function readExpectedVersion(body: unknown): Outcome<number | null> {
  if (!isRecord(body)) return malformed('body', 'the body must be a JSON object');
  return strangerAmong(body, ['expectedVersion']) ?? readVersion(body['expectedVersion']);
}

function collectionFor({ role }: Holder, collection: string): Outcome<ConfiguredEntityType> {
  const entityType = COLLECTIONS.get(collection);
  if (entityType === undefined) return noSuchCollection();
  if (role === 'partner' && !PARTNER_COLLECTIONS.has(collection))
    return refuse('forbidden', 'the role of this API key does not allow it');
  return done(entityType);
}

function noSuchCollection() {
  return refuse('not_found', `there are ${[...COLLECTIONS.keys()].join(', ')}`);
}

function noSuchEntity(entityType: ConfiguredEntityType) {
  return refuse('not_found', `there is no ${entityType} with this id`);
}
