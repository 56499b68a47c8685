/** The only writer of configuration.changed: judges a change, appends it and reads back whether it counts. */
import { randomUUID } from 'node:crypto';
import {
  ConfigurationBehind,
  type ConfigurationFollower,
  type ConfigurationLog,
  resealId,
} from '@tributary/configuration';
import type { ConfigurationChanged } from '@tributary/contracts';
import { type Clock, DependencyFailure, type Logger } from '@tributary/runtime';
import { type Content, type ContentParts, contentOf, type EntityKey, removable } from './change-content.ts';
import { writes } from './console-metrics.ts';
import { type EntityView, newestView, viewOf } from './entity-view.ts';
import { done, type Outcome, refuse } from './refusal.ts';
import { isUnderFirstKey, resealed } from './sealed-secrets.ts';
import type { WriteRequest } from './write-request.ts';

export interface ConfigurationWriterParts extends ContentParts {
  readonly log: Pick<ConfigurationLog, 'append'>;
  readonly follower: ConfigurationFollower;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Which entity, and who writes it. */
export interface Target extends EntityKey {
  /** Id of the API key. */
  readonly actor: string;
}

interface Moment {
  readonly expectedVersion: number | null;
  readonly effectiveFrom: number;
  readonly recordedAt: number;
  readonly isReseal?: true;
}

/** The follower is a round trip behind; longer means that it, or Kafka, is in trouble. */
const CONFIRM_TIMEOUT_MS = 5_000;

export class ConfigurationWriter {
  readonly #parts: ConfigurationWriterParts;

  constructor(parts: ConfigurationWriterParts) {
    this.#parts = parts;
  }

  /** Creates the entity or replaces all of it. */
  async put(target: Target, request: WriteRequest): Promise<Outcome<EntityView>> {
    const { follower, clock } = this.#parts;
    const recordedAt = clock.now();
    const { expectedVersion } = request;
    const effectiveFrom = request.effectiveFrom ?? recordedAt;
    const content = contentOf(follower.current, this.#parts, target, request, effectiveFrom);
    if (!content.ok) return content;
    return this.#write(target, content.value, { expectedVersion, effectiveFrom, recordedAt });
  }

  /** Removes the entity; its history stays. */
  async remove(target: Target, expectedVersion: number | null): Promise<Outcome<EntityView>> {
    const { follower, clock } = this.#parts;
    const recordedAt = clock.now();
    const content = removable(follower.current, target, recordedAt);
    if (!content.ok) return content;
    return this.#write(target, content.value, { expectedVersion, effectiveFrom: recordedAt, recordedAt });
  }

  /**
   * Writes the entity as it is with its secrets under the first key, in force from when it was; nothing when they are
   * under it already.
   */
  async reseal(target: Target, expectedVersion: number | null): Promise<Outcome<EntityView>> {
    const { follower, clock, encryption } = this.#parts;
    const { entityType, id } = target;
    const now = clock.now();
    const revision = follower.current.revision(entityType, id);
    const view = newestView(follower.current, entityType, id, now);
    if (view === undefined || !revision?.entity)
      return refuse('not_found', `there is no ${entityType} with this id`);
    if (view.isUnreadable)
      return refuse(
        'version_unreadable',
        'a later release wrote its newest version: reseal it with that one',
      );
    if (isUnderFirstKey(encryption, revision.secrets)) return done(view);
    const secrets = this.#resealed(target, revision.secrets);
    if (!secrets.ok) return secrets;
    const document = JSON.stringify(revision.entity);
    const content: Content = {
      operation: 'put',
      document,
      secrets: secrets.value,
      generatedKey: null,
      warnings: [],
    };
    const effectiveFrom = Math.max(now, revision.effectiveFrom);
    return this.#write(target, content, { expectedVersion, effectiveFrom, recordedAt: now, isReseal: true });
  }

  #resealed({ entityType, id }: Target, secrets: Readonly<Record<string, Uint8Array>>) {
    try {
      return done(resealed(this.#parts.encryption, entityType, id, secrets));
    } catch {
      const problems = [{ path: 'secrets', message: 'no key decrypts what is stored: send it again' }];
      return refuse('document_invalid', 'the secrets cannot be read', { problems });
    }
  }

  async #write(
    target: Target,
    { generatedKey, warnings: _warnings, ...content }: Content,
    { expectedVersion: given, effectiveFrom, recordedAt, isReseal }: Moment,
  ): Promise<Outcome<EntityView>> {
    const { entityType, id, actor } = target;
    const { follower } = this.#parts;
    if (effectiveFrom < recordedAt)
      return refuse('effective_from_past', 'nothing comes into force before now', { field: 'effectiveFrom' });
    const expectedVersion = given ?? follower.current.entityVersion(entityType, id);
    const place = { entityType, entityId: id, expectedVersion };
    const change: ConfigurationChanged = {
      changeId: isReseal ? resealId(place) : randomUUID(),
      ...place,
      ...content,
      effectiveFrom,
      recordedAt,
      actor,
    };
    const written = this.#foreseenRefusal(target, change) ?? (await this.#append(target, change));
    return written.ok && generatedKey !== null ? done({ ...written.value, key: generatedKey }) : written;
  }

  /** What the fold would say now; a change that is void already is not worth a place in the log. */
  #foreseenRefusal({ entityType, id }: Target, change: ConfigurationChanged): Outcome<never> | null {
    const { current } = this.#parts.follower;
    const result = current.check(change);
    if (result.outcome === 'applied') return null;
    const reason = result.outcome === 'void' ? result.reason : result.outcome;
    if (reason === 'version_conflict')
      return conflict(
        `it is at version ${current.entityVersion(entityType, id)}, not ${change.expectedVersion}`,
      );
    if (reason === 'lane_changed') return laneImmutable();
    throw new Error(`console made a change that is void: ${reason}`);
  }

  async #append(target: Target, change: ConfigurationChanged): Promise<Outcome<EntityView>> {
    const { log, logger } = this.#parts;
    try {
      return await this.#confirm(target, await log.append(change));
    } catch (error) {
      const refusal = unconfirmed(error);
      if (refusal === null) throw error;
      const { entityType, id: entityId } = target;
      logger.warn({ err: error, entityType, entityId }, 'configuration.not_confirmed');
      return refusal;
    }
  }

  async #confirm({ entityType, id, actor }: Target, offset: number): Promise<Outcome<EntityView>> {
    const { follower, logger, clock } = this.#parts;
    await follower.caughtUpTo(offset, CONFIRM_TIMEOUT_MS);
    const revision = follower.current.history(entityType, id).find(({ version }) => version === offset);
    if (revision === undefined) return conflict('another change of it came first');
    writes.inc({ entity_type: entityType });
    logger.info({ entityType, entityId: id, version: offset, actor }, 'configuration.changed');
    return done(viewOf(entityType, revision, id, clock.now()));
  }
}

/** Whoever sends the change again with the same expectedVersion has it applied once at most. */
function unconfirmed(error: unknown) {
  if (error instanceof DependencyFailure)
    return refuse('kafka_unavailable', 'Kafka did not confirm the change; it may still be recorded');
  if (error instanceof ConfigurationBehind)
    return refuse('configuration_behind', 'the change is recorded, but not yet known to count');
  return null;
}

function conflict(message: string) {
  return refuse('version_conflict', message, { field: 'expectedVersion' });
}

export function laneImmutable(field = 'document.lane') {
  return refuse('lane_immutable', 'a source stays in its lane for ever', { field });
}
