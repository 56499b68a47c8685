/** What a list of writes would come to: judged in order on a fork of the configuration, so that nothing is written. */
import { randomUUID } from 'node:crypto';
import {
  type Configuration,
  type ConfigurationFollower,
  type DocumentProblem,
  isConfiguredEntityType,
} from '@tributary/configuration';
import type { Clock } from '@tributary/runtime';
import { type Content, type ContentParts, contentOf, type EntityKey, removable } from './change-content.ts';
import { done, type Outcome, type Refusal, refuse } from './refusal.ts';
import { COLLECTIONS } from './routes.ts';
import { changedSecrets } from './sealed-secrets.ts';
import { isRecord, malformed, readWriteRequest, strangerAmong, type WriteRequest } from './write-request.ts';

export interface PlannerParts extends ContentParts {
  readonly follower: Pick<ConfigurationFollower, 'current'>;
  readonly clock: Clock;
}

/** One field that would change; secrets and hashes are named and never shown. */
export interface Difference {
  readonly path: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

export interface PlannedChange {
  readonly collection: string;
  readonly id: string;
  readonly action: 'create' | 'change' | 'remove' | 'unchanged';
  /** What the write has to send, so that a rival change in between is refused. */
  readonly expectedVersion: number;
  readonly differences: readonly Difference[];
  /** What is doubtful in the document; left out where nothing is. */
  readonly warnings?: readonly DocumentProblem[];
}

export interface ConfigurationPlan {
  readonly version: number;
  readonly changes: readonly PlannedChange[];
}

interface Wish extends EntityKey {
  readonly collection: string;
  /** Null for a removal. */
  readonly request: WriteRequest | null;
}

type Judged = Pick<PlannedChange, 'action' | 'differences' | 'warnings'>;

const MAX_CHANGES = 10_000;
const FIELDS = ['collection', 'id', 'remove', 'document', 'secrets', 'tokens', 'key', 'generateKey'];

export class ConfigurationPlanner {
  readonly #parts: PlannerParts;

  constructor(parts: PlannerParts) {
    this.#parts = parts;
  }

  /** @param body `{ changes: [{ collection, id, document, … } | { collection, id, remove: true }] }` */
  plan(body: unknown): Outcome<ConfigurationPlan> {
    const wishes = readWishes(body);
    if (!wishes.ok) return wishes;
    const { current } = this.#parts.follower;
    const fork = current.fork();
    const changes: PlannedChange[] = [];
    for (const [index, wish] of wishes.value.entries()) {
      const planned = this.#planOne(fork, wish);
      if (!planned.ok) return at(index, planned.refusal);
      const { entityType, id, collection } = wish;
      changes.push({
        collection,
        id,
        expectedVersion: current.entityVersion(entityType, id),
        ...planned.value,
      });
    }
    return done({ version: current.version, changes });
  }

  #planOne(fork: Configuration, wish: Wish): Outcome<Judged> {
    const now = this.#parts.clock.now();
    const { request } = wish;
    const content =
      request === null ? removable(fork, wish, now) : contentOf(fork, this.#parts, wish, request, now);
    if (!content.ok) return content;
    const differences = this.#differences(fork, wish, content.value);
    const exists = fork.entity(wish.entityType, wish.id) !== undefined;
    if (exists && differences.length === 0 && request !== null)
      return done({ action: 'unchanged', differences, ...warningsOf(content.value) });
    const refusal = tryOn(fork, wish, content.value, now);
    if (refusal !== null) return refusal;
    const action = request === null ? 'remove' : exists ? 'change' : 'create';
    return done({
      action,
      differences: request === null ? [] : differences,
      ...warningsOf(content.value),
    });
  }

  #differences(
    fork: Configuration,
    { entityType, id }: Wish,
    { document, secrets, generatedKey }: Content,
  ): readonly Difference[] {
    const before = fork.entity(entityType, id) ?? {};
    const sealed = [fork.secretsOf(entityType, id), secrets] as const;
    const hidden = changedSecrets(this.#parts.encryption, entityType, id, sealed).map((path) => ({
      path: entityType === 'api_key' ? (generatedKey === null ? 'key' : 'generateKey') : `secrets.${path}`,
    }));
    return [...differencesOf(before, JSON.parse(document), ''), ...hidden];
  }
}

function warningsOf({ warnings }: Content): Pick<PlannedChange, 'warnings'> {
  return warnings.length === 0 ? {} : { warnings };
}

function tryOn(fork: Configuration, { entityType, id }: Wish, content: Content, now: number) {
  const { operation, document, secrets } = content;
  const result = fork.apply(fork.version + 1, {
    changeId: randomUUID(),
    entityType,
    entityId: id,
    operation,
    document,
    secrets,
    expectedVersion: fork.entityVersion(entityType, id),
    effectiveFrom: now,
    recordedAt: now,
    actor: 'plan',
  });
  if (result.outcome === 'applied') return null;
  const reason = result.outcome === 'void' ? result.reason : result.outcome;
  if (reason !== 'lane_changed') throw new Error(`console planned a change that is void: ${reason}`);
  return refuse('lane_immutable', 'a source stays in its lane for ever', { field: 'document.lane' });
}

/** Field by field into objects; lists are compared as a whole. */
function differencesOf(before: unknown, after: unknown, path: string): readonly Difference[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (path.endsWith('tokenHashes')) return [{ path }];
  if (!isRecord(before) || !isRecord(after))
    return [{ path, ...(before !== undefined && { before }), ...(after !== undefined && { after }) }];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) =>
    differencesOf(before[key], after[key], path === '' ? key : `${path}.${key}`),
  );
}

function readWishes(body: unknown): Outcome<readonly Wish[]> {
  if (!isRecord(body)) return malformed('body', 'the body must be a JSON object');
  const stranger = strangerAmong(body, ['changes']);
  if (stranger !== null) return stranger;
  const { changes } = body;
  if (!Array.isArray(changes) || changes.length > MAX_CHANGES)
    return malformed('changes', `changes must be a list of at most ${MAX_CHANGES}`);
  const wishes: Wish[] = [];
  const seen = new Set<string>();
  for (const [index, change] of changes.entries()) {
    const wish = readWish(change);
    if (!wish.ok) return at(index, wish.refusal);
    const name = `${wish.value.collection}/${wish.value.id}`;
    if (seen.has(name)) return at(index, malformed('id', 'the same entity twice').refusal);
    seen.add(name);
    wishes.push(wish.value);
  }
  return done(wishes);
}

function readWish(change: unknown): Outcome<Wish> {
  if (!isRecord(change)) return malformed('', 'must be a JSON object');
  const stranger = strangerAmong(change, FIELDS);
  if (stranger !== null) return stranger;
  const { collection, id, remove, ...body } = change;
  const entityType = typeof collection === 'string' ? COLLECTIONS.get(collection) : undefined;
  if (entityType === undefined || !isConfiguredEntityType(entityType) || typeof collection !== 'string')
    return malformed('collection', `collection must be one of ${[...COLLECTIONS.keys()].join(', ')}`);
  if (typeof id !== 'string') return malformed('id', 'id must be a text');
  if (remove === true && Object.keys(body).length === 0)
    return done({ collection, entityType, id, request: null });
  if (remove !== undefined) return malformed('remove', 'remove must be true, with nothing beside it');
  const request = readWriteRequest(body);
  return request.ok ? done({ collection, entityType, id, request: request.value }) : request;
}

/** The refusal of one change, told by its place in the list. */
function at(index: number, { code, message, field, problems }: Refusal) {
  const inside = (path: string) =>
    path === '' || path === 'body' ? `changes.${index}` : `changes.${index}.${path}`;
  return refuse(code, message, {
    ...(field !== undefined && { field: inside(field) }),
    ...(field === undefined && problems === undefined && { field: inside('') }),
    ...(problems !== undefined && {
      problems: problems.map(({ path, ...problem }): DocumentProblem => ({ ...problem, path: inside(path) })),
    }),
  });
}
