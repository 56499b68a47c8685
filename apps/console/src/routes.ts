/** Every route of the API in one table: its address, who may use it, and what the OpenAPI document says of it. */
import type { ApiKeyRole, ConfiguredEntityType } from '@tributary/configuration';

/** Collections by their place in the address. */
export const COLLECTIONS: ReadonlyMap<string, ConfiguredEntityType> = new Map([
  ['advertisers', 'advertiser'],
  ['partners', 'partner'],
  ['exchange-rates', 'exchange_rate'],
  ['offers', 'offer'],
  ['campaigns', 'campaign'],
  ['sources', 'source'],
  ['destinations', 'destination'],
  ['subscriptions', 'subscription'],
  ['api-keys', 'api_key'],
]);

/** What a key of role partner sees of: itself, its campaigns, and the offers they promote. */
export const PARTNER_COLLECTIONS: ReadonlySet<string> = new Set(['partners', 'campaigns', 'offers']);

export interface Route {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Below /api/v1; parts with a colon are parameters. */
  readonly path: string;
  /** `everyone` needs no key. A handler that is not in this table is for admins only. */
  readonly roles: readonly ApiKeyRole[] | 'everyone';
  /** Query parameters; any other is refused. */
  readonly query?: readonly string[];
  readonly summary: string;
}

const ADMIN = ['admin'] as const;
const READERS = ['admin', 'analyst'] as const;
const ALL = ['admin', 'analyst', 'partner'] as const;

/**
 * | role | reads | writes |
 * |---|---|---|
 * | admin | everything but secrets and keys, which nobody reads | everything |
 * | analyst | everything but those, the token hashes of sources, raw calls, and headers and bodies of deliveries | nothing |
 * | partner | {@link PARTNER_COLLECTIONS} as far as its own, as in force now | nothing |
 */
export const ROUTES = {
  readOpenapi: {
    method: 'GET',
    path: 'openapi.json',
    roles: 'everyone',
    summary: 'This document.',
  },
  readVersion: {
    method: 'GET',
    path: 'configuration/version',
    roles: READERS,
    summary: 'Offset of configuration.changed up to which console has read.',
  },
  listScheduled: {
    method: 'GET',
    path: 'configuration/scheduled',
    roles: READERS,
    summary: 'Every change that is still to come into force, soonest first.',
  },
  listSecrets: {
    method: 'GET',
    path: 'configuration/secrets',
    roles: ADMIN,
    summary: 'Which key encrypts which secret field in use; never the secret.',
  },
  planChanges: {
    method: 'POST',
    path: 'configuration/plan',
    roles: ADMIN,
    summary: 'What a list of writes would change, judged one after the other; nothing is written.',
  },
  explainConversion: {
    method: 'GET',
    path: 'conversions/:id/explain',
    roles: READERS,
    summary:
      'Why a conversion stands where it stands: postbacks, candidate clicks, rules, money, revisions and deliveries.',
  },
  listEntities: {
    method: 'GET',
    path: ':collection',
    roles: ALL,
    summary: 'Every entity of the collection, by id.',
  },
  readEntity: {
    method: 'GET',
    path: ':collection/:id',
    roles: ALL,
    summary: 'One entity: its newest version, and what is in force until that comes into force.',
  },
  readHistory: {
    method: 'GET',
    path: ':collection/:id/history',
    roles: READERS,
    summary: 'Every version of the entity, oldest first.',
  },
  putEntity: {
    method: 'PUT',
    path: ':collection/:id',
    roles: ADMIN,
    summary: 'Creates the entity or replaces all of it.',
  },
  removeEntity: {
    method: 'DELETE',
    path: ':collection/:id',
    roles: ADMIN,
    query: ['expectedVersion'],
    summary: 'Removes the entity; its history stays.',
  },
  resealEntity: {
    method: 'POST',
    path: ':collection/:id/reseal',
    roles: ADMIN,
    summary: 'Encrypts the secret fields anew under the first key, without changing them.',
  },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof ROUTES;
