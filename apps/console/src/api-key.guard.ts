/** Lets only holders of the API key in. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { RefusedRequest } from './refusal.ts';

export const API_KEY = Symbol('API_KEY');

/** Who a change made with the process's own key is recorded under. */
export const ACTOR = 'console_api_key';

const BEARER = /^Bearer +(\S+)$/i;

@Injectable()
export class ApiKeyGuard implements CanActivate {
  readonly #digest: Buffer;

  constructor(@Inject(API_KEY) apiKey: string) {
    this.#digest = digestOf(apiKey);
  }

  canActivate(context: ExecutionContext): boolean {
    const { authorization } = context.switchToHttp().getRequest<FastifyRequest>().headers;
    const presented = BEARER.exec(authorization ?? '')?.[1];
    // Digests have one length, so that the comparison tells nothing about the key's.
    if (presented !== undefined && timingSafeEqual(digestOf(presented), this.#digest)) return true;
    throw new RefusedRequest({
      code: 'unauthorized',
      message: 'send the API key as "Authorization: Bearer <key>"',
      field: 'authorization',
    });
  }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
