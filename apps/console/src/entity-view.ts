/** An entity as the API shows it: never a secret, only which ones there are. */
import type { Configuration, ConfiguredEntityType, Revision } from '@tributary/configuration';
import type { Holder } from './api-keys.ts';

type AnyRevision = Revision<ConfiguredEntityType>;

/** Whose secret fields a writer sends by name. */
const HAVE_SECRETS: ReadonlySet<ConfiguredEntityType> = new Set(['destination', 'source']);

/** One version of an entity. */
export interface VersionView {
  readonly version: number;
  /** ISO 8601, UTC. */
  readonly effectiveFrom: string;
  /** Empty for a removal, and for a version that this release cannot read. */
  readonly document: object;
}

export interface EntityView extends VersionView {
  readonly entityType: ConfiguredEntityType;
  readonly id: string;
  /** What `expectedVersion` of the next write must be: that of the newest version. */
  readonly version: number;
  /** Whether this newest version is still to come into force. */
  readonly isScheduled: boolean;
  /** Only of one that is scheduled: what is in force until then, null for nothing. */
  readonly inForce?: VersionView | null;
  /** Only of a destination and a source. */
  readonly secretNames?: readonly string[];
  /** Only when a later release wrote the newest version: what is shown is what stays in force here. */
  readonly isUnreadable?: true;
  /** A key that was just made; it is never shown again. */
  readonly key?: string;
}

export interface ScheduledView extends VersionView {
  readonly entityType: ConfiguredEntityType;
  readonly id: string;
  readonly operation: 'put' | 'remove';
}

export interface HistoryView extends VersionView {
  readonly operation: 'put' | 'remove' | 'unreadable';
}

/** The newest version of the entity; undefined when there is none. */
export function newestView(
  configuration: Configuration,
  entityType: ConfiguredEntityType,
  id: string,
  now: number,
): EntityView | undefined {
  const revision = configuration.revision(entityType, id);
  if (revision === undefined || revision.entity === null) return undefined;
  const version = configuration.entityVersion(entityType, id);
  const inForce = configuration.revision(entityType, id, now);
  const isScheduled = revision.effectiveFrom > now;
  return {
    ...viewOf(entityType, revision, id, now),
    version,
    ...(isScheduled && { inForce: inForce?.entity ? versionView(inForce) : null }),
    ...(version !== revision.version && { isUnreadable: true as const }),
  };
}

/** One version of the entity; the document of a removal is empty. */
export function viewOf(
  entityType: ConfiguredEntityType,
  revision: AnyRevision,
  id: string,
  now: number,
): EntityView {
  return {
    entityType,
    id,
    ...versionView(revision),
    isScheduled: revision.effectiveFrom > now,
    ...(HAVE_SECRETS.has(entityType) && { secretNames: Object.keys(revision.secrets).toSorted() }),
  };
}

/** Every change of any entity that is still to come, soonest first. */
export function scheduledViews(
  configuration: Configuration,
  holder: Holder,
  entityTypes: readonly ConfiguredEntityType[],
  now: number,
): readonly ScheduledView[] {
  const views = entityTypes.flatMap((entityType) =>
    configuration.ids(entityType).flatMap((id) =>
      configuration.scheduled(entityType, id, now).map((revision) => ({
        entityType,
        id,
        ...shownTo(holder, versionView(revision)),
        operation: revision.entity === null ? ('remove' as const) : ('put' as const),
      })),
    ),
  );
  return views.toSorted((left, right) => left.effectiveFrom.localeCompare(right.effectiveFrom));
}

/** Every version of the entity, oldest first. */
export function historyViews(
  configuration: Configuration,
  holder: Holder,
  entityType: ConfiguredEntityType,
  id: string,
): readonly HistoryView[] {
  return configuration.history(entityType, id).map((revision) => {
    const operation = revision.unreadable ? 'unreadable' : revision.entity === null ? 'remove' : 'put';
    return { ...shownTo(holder, versionView(revision)), operation } as const;
  });
}

function versionView({ version, effectiveFrom, entity }: AnyRevision): VersionView {
  return { version, effectiveFrom: new Date(effectiveFrom).toISOString(), document: entity ?? {} };
}

/** The view as its reader may have it. */
export function shownTo<V extends VersionView>(holder: Holder, view: V): V {
  return holder.role === 'admin' ? view : hideHashes(view);
}

/** What an analyst could try tokens against is of no use to an analysis. */
function hideHashes<V extends VersionView>(view: V): V {
  const { tokenHashes: _hashes, ...document } = view.document as { tokenHashes?: unknown };
  return { ...view, document };
}
