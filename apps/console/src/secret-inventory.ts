/** Which key encrypts which secret field in use, so that an old key can be dropped safely. */
import type { Configuration, ConfiguredEntityType, Revision } from '@tributary/configuration';
import { type Encryption, keyTagOf } from '@tributary/runtime';
import { COLLECTIONS } from './routes.ts';

export interface SealedRevision {
  readonly collection: string;
  readonly id: string;
  readonly version: number;
  /** ISO 8601, UTC: until when the older of two revisions is in use; absent for the newest, which can be resealed. */
  readonly inForceUntil?: string;
  /** Key tag by secret field: the first four bytes of the key's SHA-256, in hex. */
  readonly keyTags: Readonly<Record<string, string>>;
}

export interface SecretInventory {
  /** Tag of the key that encrypts. */
  readonly firstKeyTag: string;
  /** Tags of all keys this console has. */
  readonly keyTags: readonly string[];
  readonly revisions: readonly SealedRevision[];
}

/** Of every entity the newest version, and what is in force until that comes into force. */
export function secretInventory(
  configuration: Configuration,
  encryption: Encryption,
  now: number,
): SecretInventory {
  const revisions = [...COLLECTIONS].flatMap(([collection, entityType]) =>
    configuration.ids(entityType).flatMap((id) =>
      inUse(configuration, entityType, id, now)
        .filter(({ secrets }) => Object.keys(secrets).length > 0)
        .map((revision) => sealedRevision(collection, id, revision)),
    ),
  );
  return { firstKeyTag: encryption.primaryKeyTag, keyTags: encryption.keyTags, revisions };
}

type InUse = Revision<ConfiguredEntityType> & { readonly until?: number };

function inUse(
  configuration: Configuration,
  entityType: ConfiguredEntityType,
  id: string,
  now: number,
): readonly InUse[] {
  const current = configuration.revision(entityType, id, now);
  const scheduled = configuration.scheduled(entityType, id, now);
  const all = [...(current === undefined ? [] : [current]), ...scheduled];
  return all.map((revision, index) => {
    const next = all[index + 1];
    return next === undefined ? revision : { ...revision, until: next.effectiveFrom };
  });
}

function sealedRevision(collection: string, id: string, { version, secrets, until }: InUse): SealedRevision {
  const tags = Object.entries(secrets).map(([path, ciphertext]) => [path, keyTagOf(ciphertext)] as const);
  return {
    collection,
    id,
    version,
    ...(until !== undefined && { inForceUntil: new Date(until).toISOString() }),
    keyTags: Object.fromEntries(tags),
  };
}
