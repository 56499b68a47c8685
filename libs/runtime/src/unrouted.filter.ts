/** The answer to an address nobody serves. */
import { type ArgumentsHost, Catch, type ExceptionFilter, NotFoundException } from '@nestjs/common';

interface Reply {
  status(code: number): Reply;
  send(body: unknown): unknown;
}

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
