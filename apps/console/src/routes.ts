/** Every route of the API in one table: its address, who may use it, and what the OpenAPI document says of it. */
import type { ApiKeyRole, ConfiguredEntityType } from '@tributary/configuration';
import { LIST_QUERY } from './replay/letter-filter.ts';

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
  listDeadLetters: {
    method: 'GET',
    path: 'dead-letters',
    roles: READERS,
    query: LIST_QUERY,
    summary:
      'Deliveries that were given up, in the order of their ids, and what a replay of each would mean.',
  },
  readDeadLetter: {
    method: 'GET',
    path: 'dead-letters/:id',
    roles: READERS,
    summary: 'One delivery that was given up, with its attempts.',
  },
  planReplay: {
    method: 'POST',
    path: 'replays/plan',
    roles: READERS,
    summary: 'What a replay of the dead letters of a filter would do; nothing is sent.',
  },
  orderReplay: {
    method: 'POST',
    path: 'replays',
    roles: ADMIN,
    summary: 'Has the safe ones of a plan sent again, and those whose every risk is named.',
  },
  listReplays: {
    method: 'GET',
    path: 'replays',
    roles: READERS,
    summary: 'The last hundred replays, the newest first.',
  },
  readReplay: {
    method: 'GET',
    path: 'replays/:id',
    roles: READERS,
    summary: 'One replay, and what has become of its orders.',
  },
  stopReplay: {
    method: 'POST',
    path: 'replays/:id/stop',
    roles: ADMIN,
    summary: 'Gives no further order of the replay; those given go on.',
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
