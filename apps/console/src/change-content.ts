/** What a write would put into the log: its document judged against the configuration, its secrets sealed. */
import {
  type Configuration,
  type ConfiguredEntityType,
  type DocumentProblem,
  danglingReferences,
  parseDocument,
  referrersOf,
  reviewDocument,
} from '@tributary/configuration';
import type { ConfigurationChanged } from '@tributary/contracts';
import type { Encryption } from '@tributary/runtime';
import type { ApiKeys } from './api-keys.ts';
import { sealSecrets } from './destination-settings.ts';
import { done, type Outcome, refuse } from './refusal.ts';
import { completeSource } from './source-document.ts';
import { sealSigningSecrets } from './source-secrets.ts';
import { malformed, type WriteRequest } from './write-request.ts';

export interface ContentParts {
  readonly encryption: Encryption;
  readonly apiKeys: ApiKeys;
}

export interface EntityKey {
  readonly entityType: ConfiguredEntityType;
  readonly id: string;
}

export interface Content extends Pick<ConfigurationChanged, 'operation' | 'document' | 'secrets'> {
  /** A key of an API key that was just made, in clear. */
  readonly generatedKey: string | null;
  /** What is doubtful in the document, and may be meant. */
  readonly warnings: readonly DocumentProblem[];
}

export const REMOVAL: Content = {
  operation: 'remove',
  document: '{}',
  secrets: {},
  generatedKey: null,
  warnings: [],
};

/** Clocks of two consoles differ; what one has just put into force must be there for a change by the other. */
const CLOCK_TOLERANCE_MS = 60_000;

/** @param effectiveFrom when the change comes into force; what it refers to must be there then. */
export function contentOf(
  configuration: Configuration,
  parts: ContentParts,
  { entityType, id }: EntityKey,
  request: WriteRequest,
  effectiveFrom: number,
): Outcome<Content> {
  const misplaced = fieldOfAnotherType(entityType, request);
  if (misplaced !== null) return misplaced;
  const given = entityType === 'source' ? completeSource(configuration, id, request) : request.document;
  const parsed = parseDocument(entityType, { id, ...given });
  if (!parsed.ok) return invalid(inDocument(parsed.problems));
  const { entity } = parsed;
  if (entity.id !== id) return invalid([{ path: 'document.id', message: 'must be the id in the address' }]);
  const dangling = inDocument(
    danglingReferences(configuration, entityType, entity, effectiveFrom + CLOCK_TOLERANCE_MS),
  );
  const review = reviewDocument(entityType, entity);
  const faults = [...dangling, ...inDocument(review.errors)];
  const sealed = sealedFor(configuration, parts, entity, request, entityType);
  if (!sealed.ok) return invalid([...faults, ...sealed.problems]);
  if (faults.length > 0) return invalid(faults);
  const { secrets, generated, warnings = [] } = sealed;
  return done({
    operation: 'put',
    document: JSON.stringify(entity),
    secrets,
    generatedKey: generated,
    warnings: [...inDocument(review.warnings), ...warnings],
  });
}

/** Refuses to remove what others refer to, now or in their newest document. */
export function removable(
  configuration: Configuration,
  { entityType, id }: EntityKey,
  now: number,
): Outcome<Content> {
  if (configuration.entity(entityType, id) === undefined)
    return refuse('not_found', `there is no ${entityType} with this id`);
  // Somebody may add a reference in the meantime: that one is found dangling when it is written next.
  const referrers = referrersOf(configuration, entityType, id, now);
  if (referrers.length === 0) return done(REMOVAL);
  const problems = referrers.map((referrer) => ({ path: referrer, message: 'refers to it' }));
  return refuse('still_referenced', 'others refer to this entity', { problems });
}

type Sealed =
  | {
      readonly ok: true;
      readonly secrets: Readonly<Record<string, Buffer>>;
      readonly generated: string | null;
      readonly warnings?: readonly DocumentProblem[];
    }
  | { readonly ok: false; readonly problems: readonly DocumentProblem[] };

function sealedFor(
  configuration: Configuration,
  { encryption, apiKeys }: ContentParts,
  entity: { readonly id: string },
  request: WriteRequest,
  entityType: ConfiguredEntityType,
): Sealed {
  if (entityType === 'api_key') return apiKeys.seal(configuration, entity.id, request);
  const given = request.secrets ?? {};
  if (entityType !== 'source' && !isDestination(entity)) return { ok: true, secrets: {}, generated: null };
  const sealed = isDestination(entity)
    ? sealSecrets(configuration, encryption, entity, given)
    : sealSigningSecrets(configuration, encryption, entity.id, given);
  return sealed.ok ? { ...sealed, generated: null } : sealed;
}

function isDestination(entity: object): entity is Parameters<typeof sealSecrets>[2] {
  return 'definition' in entity;
}

function fieldOfAnotherType(
  entityType: ConfiguredEntityType,
  { tokens, secrets, key, generateKey, effectiveFrom }: WriteRequest,
) {
  const isMisplaced = {
    tokens: tokens !== null && entityType !== 'source',
    secrets: secrets !== null && entityType !== 'destination' && entityType !== 'source',
    key: key !== null && entityType !== 'api_key',
    generateKey: generateKey && entityType !== 'api_key',
    // A key that is taken away is taken away now.
    effectiveFrom: effectiveFrom !== null && entityType === 'api_key',
  };
  const field = Object.entries(isMisplaced).find(([, is]) => is)?.[0];
  return field === undefined ? null : malformed(field, `a ${entityType} has no ${field}`);
}

function invalid(problems: readonly DocumentProblem[]) {
  return refuse('document_invalid', 'the document cannot be accepted as it is', { problems });
}

function inDocument(problems: readonly DocumentProblem[]): readonly DocumentProblem[] {
  return problems.map(({ path, ...problem }) => ({
    ...problem,
    path: path === '' ? 'document' : `document.${path}`,
  }));
}
