/** An entity as the API shows it: never a secret, only which ones there are. */
import type { Configuration, ConfiguredEntityType, Revision } from '@tributary/configuration';

export interface EntityView {
  readonly entityType: ConfiguredEntityType;
  readonly id: string;
  /** What `expectedVersion` of the next write must be. */
  readonly version: number;
  /** ISO 8601, UTC. */
  readonly effectiveFrom: string;
  readonly document: object;
  /** Only of a destination. */
  readonly secretNames?: readonly string[];
}

/** The newest version of the entity; undefined when there is none. */
export function newestView(
  configuration: Configuration,
  entityType: ConfiguredEntityType,
  id: string,
): EntityView | undefined {
  const revision = configuration.history(entityType, id).at(-1);
  return revision === undefined || revision.entity === null ? undefined : viewOf(entityType, revision, id);
}

/** One version of the entity; the document of a removal is empty. */
export function viewOf(
  entityType: ConfiguredEntityType,
  { version, effectiveFrom, entity, secrets }: Revision<ConfiguredEntityType>,
  id: string,
): EntityView {
  return {
    entityType,
    id,
    version,
    effectiveFrom: new Date(effectiveFrom).toISOString(),
    document: entity ?? {},
    ...(entityType === 'destination' && { secretNames: Object.keys(secrets).toSorted() }),
  };
}
