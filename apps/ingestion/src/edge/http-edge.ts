/** The hot routes as plain handlers on Nest's HTTP server: everything else falls through to the framework. */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Logger } from '@tributary/runtime';
import type { ClickEndpoint } from '../click/click-endpoint.ts';
import type { PostbackEndpoint } from '../postback/postback-endpoint.ts';
import { type Answer, send, unavailable } from './http-exchange.ts';

export interface EdgeEndpoints {
  readonly clicks: ClickEndpoint;
  readonly postbacks: PostbackEndpoint;
}

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 15_000;
/** Above the idle time of common load balancers, which otherwise meet a connection just closed. */
const KEEP_ALIVE_MS = 65_000;
const MAX_URL_LENGTH = 8_192;

// Why not controllers: with the real work of accepting, plain handlers were measured at 1.2 to 1.4 times the requests per second.
export class HttpEdge {
  readonly #logger: Logger;
  #endpoints: EdgeEndpoints | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Opens the hot routes; before that they answer 503, because nothing could be accepted. */
  open(endpoints: EdgeEndpoints): void {
    this.#endpoints = endpoints;
  }

  /** The server Nest listens with. */
  createServer(framework: RequestListener): Server {
    const options = {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
    };
    return createServer(options, (request, response) => {
      const handling = this.#route(request);
      if (handling === undefined) framework(request, response);
      else void this.#answer(request, response, handling);
    });
  }

  #route(request: IncomingMessage): (() => Promise<Answer>) | undefined {
    const url = request.url ?? '/';
    const end = url.indexOf('?');
    const path = end < 0 ? url : url.slice(0, end);
    if (!/^\/(?:c|postback|v1)\//.test(path)) return undefined;
    const endpoints = this.#endpoints;
    if (endpoints === undefined) return async () => unavailable();
    if (url.length > MAX_URL_LENGTH) return async () => ({ status: 414, body: { code: 'url_too_long' } });
    const query = new URLSearchParams(end < 0 ? '' : url.slice(end + 1));
    if (path.startsWith('/postback/')) {
      return () => endpoints.postbacks.one(request, decodeSegment(path.slice('/postback/'.length)), query);
    }
    if (path.startsWith('/c/'))
      return () => endpoints.clicks.redirect(request, decodeSegment(path.slice('/c/'.length)), query);
    if (path === '/v1/postbacks') return () => endpoints.postbacks.batch(request, query);
    if (path === '/v1/clicks') return () => endpoints.clicks.direct(request);
    return undefined;
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    handling: () => Promise<Answer>,
  ): Promise<void> {
    try {
      send(response, await handling());
    } catch (error) {
      // Method only: the URL may carry a token.
      this.#logger.error({ err: error, method: request.method }, 'request.failed');
      send(response, { status: 500, body: { code: 'internal_error' } });
    }
  }
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
