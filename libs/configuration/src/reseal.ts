/** A change that seals the secrets of an entity anew and says nothing else. */
import type { ConfigurationChanged } from '@tributary/contracts';
import { deterministicUuid } from '@tributary/domain';

type Place = Pick<ConfigurationChanged, 'entityType' | 'entityId' | 'expectedVersion'>;

/**
 * The id of the change that reseals that version of the entity. Every other change has a random one: by it readers tell a
 * rotation of keys from a person who has written an entity again as it is, which look alike once both are sealed.
 */
export function resealId({ entityType, entityId, expectedVersion }: Place): string {
  return deterministicUuid('reseal', entityType, entityId, String(expectedVersion));
}

export function isReseal(change: Place & Pick<ConfigurationChanged, 'changeId'>): boolean {
  return change.changeId === resealId(change);
}
