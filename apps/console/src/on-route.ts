/** Binds a handler to a line of the route table, and hands it whoever holds the key. */
import {
  applyDecorators,
  createParamDecorator,
  type ExecutionContext,
  HttpCode,
  RequestMapping,
  RequestMethod,
  SetMetadata,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Holder } from './api-keys.ts';
import { ROUTES, type RouteName } from './routes.ts';

export const ROUTE = 'console:route';

const HOLDERS = new WeakMap<FastifyRequest, Holder>();

/** The method and the path of the route, and the name by which the guard finds who may use it. */
export function OnRoute(name: RouteName): MethodDecorator {
  const { method, path } = ROUTES[name];
  return applyDecorators(
    RequestMapping({ method: RequestMethod[method], path }),
    HttpCode(200),
    SetMetadata(ROUTE, name),
  );
}

export function rememberHolder(request: FastifyRequest, holder: Holder): void {
  HOLDERS.set(request, holder);
}

/** Whoever holds the key of the request; the guard has let nobody else in. */
export const KeyHolder = createParamDecorator((_data: unknown, context: ExecutionContext): Holder => {
  const holder = HOLDERS.get(context.switchToHttp().getRequest<FastifyRequest>());
  if (holder === undefined) throw new Error('a handler ran without the guard');
  return holder;
});
