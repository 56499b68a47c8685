/** The only writer of configuration.changed: judges a change, appends it and reads back whether it counts. */
import { randomUUID } from 'node:crypto';
import {
  ConfigurationBehind,
  type ConfigurationFollower,
  type ConfigurationLog,
  type ConfiguredEntityType,
  type Destination,
  type DocumentProblem,
  danglingReferences,
  parseDocument,
  referrersOf,
} from '@tributary/configuration';
import type { ConfigurationChanged } from '@tributary/contracts';
import { type Clock, DependencyFailure, type Encryption, type Logger } from '@tributary/runtime';
import { sealSecrets } from './destination-settings.ts';
import { type EntityView, viewOf } from './entity-view.ts';
import { done, type Outcome, refuse } from './refusal.ts';
import { completeSource } from './source-document.ts';
import type { WriteRequest } from './write-request.ts';

export interface ConfigurationWriterParts {
  readonly log: Pick<ConfigurationLog, 'append'>;
  readonly follower: ConfigurationFollower;
  readonly encryption: Encryption;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Which entity, and who writes it. */
export interface Target {
  readonly entityType: ConfiguredEntityType;
  readonly id: string;
  readonly actor: string;
}

type Content = Pick<ConfigurationChanged, 'operation' | 'document' | 'secrets'>;
type Moment = Pick<WriteRequest, 'expectedVersion' | 'effectiveFrom'>;

/** The follower is a round trip behind; longer means that it, or Kafka, is in trouble. */
const CONFIRM_TIMEOUT_MS = 5_000;

export class ConfigurationWriter {
  readonly #parts: ConfigurationWriterParts;

  constructor(parts: ConfigurationWriterParts) {
    this.#parts = parts;
  }

  /** Creates the entity or replaces all of it. */
  async put(target: Target, request: WriteRequest): Promise<Outcome<EntityView>> {
    const { entityType } = target;
    if (request.tokens !== null && entityType !== 'source') return notOfThisType('tokens', entityType);
    if (request.secrets !== null && entityType !== 'destination') return notOfThisType('secrets', entityType);
    const content = this.#contentOf(target, request);
    return content.ok ? this.#write(target, content.value, request) : content;
  }

  /** Removes the entity; its history stays. */
  async remove(target: Target, expectedVersion: number | null): Promise<Outcome<EntityView>> {
    const { entityType, id } = target;
    const configuration = this.#parts.follower.current;
    if (configuration.entity(entityType, id) === undefined)
      return refuse('not_found', `there is no ${entityType} with this id`);
    // Somebody may add a reference in the meantime: that one is found dangling when it is written next.
    const referrers = referrersOf(configuration, entityType, id);
    if (referrers.length > 0) {
      const problems = referrers.map((referrer) => ({ path: referrer, message: 'refers to it' }));
      return refuse('still_referenced', 'others refer to this entity', { problems });
    }
    const content: Content = { operation: 'remove', document: '{}', secrets: {} };
    return this.#write(target, content, { expectedVersion, effectiveFrom: null });
  }

  #contentOf({ entityType, id }: Target, request: WriteRequest): Outcome<Content> {
    const configuration = this.#parts.follower.current;
    const given = entityType === 'source' ? completeSource(configuration, id, request) : request.document;
    const parsed = parseDocument(entityType, { id, ...given });
    if (!parsed.ok) return invalid(inDocument(parsed.problems));
    if (parsed.entity.id !== id)
      return invalid([{ path: 'document.id', message: 'must be the id in the address' }]);
    const dangling = inDocument(danglingReferences(configuration, entityType, parsed.entity));
    const sealed =
      'definition' in parsed.entity
        ? this.#sealSecrets(parsed.entity, request)
        : ({ ok: true, secrets: {} } as const);
    if (!sealed.ok) return invalid([...dangling, ...sealed.problems]);
    if (dangling.length > 0) return invalid(dangling);
    return done({ operation: 'put', document: JSON.stringify(parsed.entity), secrets: sealed.secrets });
  }

  #sealSecrets(destination: Destination, { secrets }: WriteRequest) {
    const { follower, encryption } = this.#parts;
    return sealSecrets(follower.current, encryption, destination, secrets ?? {});
  }

  async #write(target: Target, content: Content, moment: Moment): Promise<Outcome<EntityView>> {
    const { entityType, id, actor } = target;
    const { follower, clock } = this.#parts;
    const recordedAt = clock.now();
    const effectiveFrom = moment.effectiveFrom ?? recordedAt;
    if (effectiveFrom < recordedAt)
      return refuse('effective_from_past', 'nothing comes into force before now', { field: 'effectiveFrom' });
    const change: ConfigurationChanged = {
      changeId: randomUUID(),
      entityType,
      entityId: id,
      ...content,
      expectedVersion: moment.expectedVersion ?? follower.current.entityVersion(entityType, id),
      effectiveFrom,
      recordedAt,
      actor,
    };
    return this.#foreseenRefusal(target, change) ?? this.#append(target, change);
  }

  /** What the fold would say now; a change that is void already is not worth a place in the log. */
  #foreseenRefusal({ entityType, id }: Target, change: ConfigurationChanged): Outcome<never> | null {
    const { current } = this.#parts.follower;
    const result = current.check(change);
    if (result.outcome === 'applied') return null;
    if (result.reason === 'version_conflict')
      return conflict(
        `it is at version ${current.entityVersion(entityType, id)}, not ${change.expectedVersion}`,
      );
    if (result.reason === 'lane_changed')
      return refuse('lane_immutable', 'a source stays in its lane for ever', { field: 'document.lane' });
    throw new Error(`console made a change that is void: ${result.reason}`);
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
    const { follower, logger } = this.#parts;
    await follower.caughtUpTo(offset, CONFIRM_TIMEOUT_MS);
    const revision = follower.current.history(entityType, id).find(({ version }) => version === offset);
    if (revision === undefined) return conflict('another change of it came first');
    logger.info({ entityType, entityId: id, version: offset, actor }, 'configuration.changed');
    return done(viewOf(entityType, revision, id));
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

function notOfThisType(field: string, entityType: ConfiguredEntityType) {
  return refuse('request_malformed', `a ${entityType} has no ${field}`, { field });
}

function invalid(problems: readonly DocumentProblem[]) {
  return refuse('document_invalid', 'the document cannot be accepted as it is', { problems });
}

function inDocument(problems: readonly DocumentProblem[]): readonly DocumentProblem[] {
  return problems.map(({ path, message }) => ({
    path: path === '' ? 'document' : `document.${path}`,
    message,
  }));
}
