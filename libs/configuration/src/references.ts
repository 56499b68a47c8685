/** Which entities an entity names, whether those exist, and who names a given one. */
import {
  CONFIGURED_ENTITY_TYPES,
  type ConfiguredEntityType,
  type DocumentProblem,
  type EntityOf,
} from './entities.ts';
import type { Configuration } from './fold.ts';

/** `path` is where in the document the id stands. */
export interface Reference {
  readonly path: string;
  readonly entityType: ConfiguredEntityType;
  readonly id: string;
}

type References = { readonly [T in ConfiguredEntityType]: (entity: EntityOf<T>) => readonly Reference[] };

const REFERENCES: References = {
  advertiser: () => [],
  offer: ({ advertiserId, payouts, caps = [] }) => [
    ...one('advertiserId', 'advertiser', advertiserId),
    ...payouts.flatMap(({ partnerId }, index) => one(`payouts.${index}.partnerId`, 'partner', partnerId)),
    ...caps.flatMap(({ partnerId }, index) => one(`caps.${index}.partnerId`, 'partner', partnerId)),
  ],
  campaign: ({ offerId, partnerId }) => [
    ...one('offerId', 'offer', offerId),
    ...one('partnerId', 'partner', partnerId),
  ],
  partner: () => [],
  source: ({ advertiserId }) => one('advertiserId', 'advertiser', advertiserId),
  destination: ({ advertiserId, partnerId, overrides = [] }) => [
    ...one('advertiserId', 'advertiser', advertiserId),
    ...one('partnerId', 'partner', partnerId),
    ...overrides.flatMap(({ offerId }, index) => one(`overrides.${index}.offerId`, 'offer', offerId)),
  ],
  subscription: ({ destinationId, filter }) => [
    ...one('destinationId', 'destination', destinationId),
    ...each('filter.offerIds', 'offer', filter.offerIds),
    ...each('filter.partnerIds', 'partner', filter.partnerIds),
    ...each('filter.sourceIds', 'source', filter.sourceIds),
  ],
  api_key: ({ partnerId }) => one('partnerId', 'partner', partnerId),
  exchange_rate: () => [],
};

/** Every id of another entity that stands in the document. */
export function referencesOf<T extends ConfiguredEntityType>(
  entityType: T,
  entity: EntityOf<T>,
): readonly Reference[] {
  return REFERENCES[entityType](entity);
}

/**
 * The references to what is not in force at `at`, when the entity that names it comes into force. The fold does not judge them: a reader must cope with a missing entity anyway,
 * and an order of changes that two writers raced for must not void one of them for good.
 */
export function danglingReferences<T extends ConfiguredEntityType>(
  configuration: Configuration,
  entityType: T,
  entity: EntityOf<T>,
  at: number,
): readonly DocumentProblem[] {
  return referencesOf(entityType, entity)
    .filter((reference) => configuration.entity(reference.entityType, reference.id, at) === undefined)
    .map((reference) => ({
      path: reference.path,
      message: `there is no ${reference.entityType} ${reference.id} then`,
    }));
}

/** Who names the entity, as `campaign:summer` and so on: in its newest document, or in the one in force at `at`. */
export function referrersOf(
  configuration: Configuration,
  entityType: ConfiguredEntityType,
  id: string,
  at: number,
): readonly string[] {
  const names = CONFIGURED_ENTITY_TYPES.flatMap((type) => [
    ...referrersAmong(type, configuration.list(type), entityType, id),
    ...referrersAmong(type, configuration.list(type, at), entityType, id),
  ]);
  return [...new Set(names)];
}

function referrersAmong<T extends ConfiguredEntityType>(
  referrerType: T,
  entities: readonly EntityOf<T>[],
  entityType: ConfiguredEntityType,
  id: string,
): readonly string[] {
  return entities
    .filter((referrer) =>
      referencesOf(referrerType, referrer).some(
        (reference) => reference.entityType === entityType && reference.id === id,
      ),
    )
    .map((referrer) => `${referrerType}:${referrer.id}`);
}

function one(path: string, entityType: ConfiguredEntityType, id: string | undefined): readonly Reference[] {
  return id === undefined ? [] : [{ path, entityType, id }];
}

function each(
  path: string,
  entityType: ConfiguredEntityType,
  ids: readonly string[] | undefined,
): readonly Reference[] {
  return (ids ?? []).map((id, index) => ({ path: `${path}.${index}`, entityType, id }));
}
