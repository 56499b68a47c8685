/** The answers to an address nobody serves and to one that cannot be read. */
import type { ServerResponse } from 'node:http';
import { type ArgumentsHost, Catch, type ExceptionFilter, NotFoundException } from '@nestjs/common';
import type { FastifyServerOptions } from 'fastify';

interface Reply {
  status(code: number): Reply;
  send(body: unknown): unknown;
}

/** For Fastify: its own answer to a URL or a parameter it cannot read repeats it. */
export const answerUnreadable: NonNullable<FastifyServerOptions['frameworkErrors']> = (
  _error,
  _request,
  reply: { readonly raw: object },
) => {
  const response = reply.raw as ServerResponse;
  response.writeHead(400, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify({ code: 'request_malformed', message: 'the request cannot be read' }));
};

/** How Nest words an address without a route; the rest of its message is the whole URL. */
const UNROUTED = /^Cannot [A-Z]+ /;

/** Nest repeats the URL, query and all, in such an answer; a sender who mistypes a path has a token in it. */
@Catch(NotFoundException)
export class UnroutedFilter implements ExceptionFilter<NotFoundException> {
  catch(exception: NotFoundException, host: ArgumentsHost): void {
    const isUnrouted = UNROUTED.test(exception.message);
    const body = isUnrouted
      ? { code: 'not_found', message: 'there is nothing here' }
      : exception.getResponse();
    host.switchToHttp().getResponse<Reply>().status(exception.getStatus()).send(body);
  }
}
