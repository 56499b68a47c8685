/** Turns whatever is thrown under /api into the API's own form of refusal. */
import { type ArgumentsHost, Catch, HttpException } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import type { Logger } from '@tributary/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { REFUSAL_STATUSES, type Refusal, RefusedRequest } from './refusal.ts';

const BY_STATUS: Readonly<Record<number, Refusal>> = {
  404: { code: 'not_found', message: 'there is nothing here' },
  413: { code: 'body_too_large', message: 'the body is too large' },
  415: { code: 'content_type_unsupported', message: 'send the body as application/json' },
};
// The parsers' own messages quote the body, which may hold secrets.
const MALFORMED: Refusal = { code: 'request_malformed', message: 'the request cannot be read' };
const INTERNAL: Refusal = { code: 'internal', message: 'something is broken here; the log says what' };

@Catch()
export class ApiExceptionFilter extends BaseExceptionFilter {
  readonly #logger: Logger;

  constructor(adapter: ConstructorParameters<typeof BaseExceptionFilter>[0], logger: Logger) {
    super(adapter);
    this.#logger = logger;
  }

  override catch(exception: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    if (!request.url.startsWith('/api/')) {
      super.catch(exception, host);
      return;
    }
    const refusal = refusalOf(exception);
    if (refusal.code === 'internal')
      this.#logger.error({ err: exception, method: request.method }, 'request.failed');
    const reply = http.getResponse<FastifyReply>();
    if (refusal.code === 'unauthorized') void reply.header('www-authenticate', 'Bearer');
    void reply.status(REFUSAL_STATUSES[refusal.code]).send(refusal);
  }
}

function refusalOf(exception: unknown): Refusal {
  if (exception instanceof RefusedRequest) return exception.refusal;
  const status = statusOf(exception);
  if (status === null || status < 400 || status >= 500) return INTERNAL;
  return BY_STATUS[status] ?? MALFORMED;
}

/** Nest's exceptions and Fastify's errors each carry the status in their own way. */
function statusOf(exception: unknown): number | null {
  if (exception instanceof HttpException) return exception.getStatus();
  if (!(exception instanceof Error) || !('statusCode' in exception)) return null;
  return typeof exception.statusCode === 'number' ? exception.statusCode : null;
}
