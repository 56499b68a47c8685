/** Stands before every handler under /api: who holds the key, and whether the route is for that role. */
import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { ApiKeys } from './api-keys.ts';
import { ROUTE, rememberHolder } from './on-route.ts';
import { type Refusal, RefusedRequest } from './refusal.ts';
import { ROUTES, type Route, type RouteName } from './routes.ts';

const BEARER = /^Bearer +(\S+)$/i;
/** As at ingestion's edge. */
const MAX_URL_LENGTH = 8_192;

const UNAUTHORIZED: Refusal = {
  code: 'unauthorized',
  message: 'send an API key as "Authorization: Bearer <key>"',
  field: 'authorization',
};
const FORBIDDEN: Refusal = { code: 'forbidden', message: 'the role of this API key does not allow it' };

@Injectable()
export class ApiKeyGuard implements CanActivate {
  readonly #keys: ApiKeys;
  readonly #reflector: Reflector;

  constructor(@Inject(ApiKeys) keys: ApiKeys, @Inject(Reflector) reflector: Reflector) {
    this.#keys = keys;
    this.#reflector = reflector;
  }

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    // The matched pattern and not the address: nothing in an address can make it look like another route.
    if (!request.routeOptions.url?.startsWith('/api/')) return true;
    if (request.url.length > MAX_URL_LENGTH)
      throw new RefusedRequest({
        code: 'url_too_long',
        message: `at most ${MAX_URL_LENGTH} characters`,
        field: 'url',
      });
    const route = this.#routeOf(context);
    if (route?.roles !== 'everyone') this.#admit(request, route);
    if (route !== undefined) refuseStrangers(request, route);
    return true;
  }

  #admit(request: FastifyRequest, route: Route | undefined): void {
    const holder = this.#keys.holderOf(BEARER.exec(request.headers.authorization ?? '')?.[1] ?? '');
    if (holder === null) throw new RefusedRequest(UNAUTHORIZED);
    const roles = route?.roles ?? ['admin'];
    if (!roles.includes(holder.role)) throw new RefusedRequest(FORBIDDEN);
    rememberHolder(request, holder);
  }

  #routeOf(context: ExecutionContext): Route | undefined {
    const name = this.#reflector.get<RouteName | undefined>(ROUTE, context.getHandler());
    return name === undefined ? undefined : ROUTES[name];
  }
}

/** A parameter that is misspelt would otherwise do nothing in silence, and a removal would go unchecked. */
function refuseStrangers({ query }: FastifyRequest, { query: known = [] }: Route): void {
  const names = Object.keys(query ?? {});
  if (names.every((name) => known.includes(name))) return;
  const message = known.length === 0 ? 'there are no parameters here' : `there is only ${known.join(', ')}`;
  throw new RefusedRequest({ code: 'request_malformed', message, field: 'query' });
}
