/** The hot routes as plain handlers on Nest's HTTP server: everything else falls through to the framework. */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { inSpan, type Logger, noteOnSpan } from '@tributary/runtime';
import type { ClickEndpoint } from '../click/click-endpoint.ts';
import { servePageScript } from '../click/page-script.ts';
import { type Route, requestSeconds, requests } from '../ingestion-metrics.ts';
import type { PostbackEndpoint } from '../postback/postback-endpoint.ts';
import type { ReceiptEndpoint } from '../receipt/receipt-endpoint.ts';
import { type Answer, send, unavailable } from './http-exchange.ts';

export interface EdgeEndpoints {
  readonly clicks: ClickEndpoint;
  readonly postbacks: PostbackEndpoint;
  readonly receipts: ReceiptEndpoint;
}

interface Handling {
  readonly route: Route;
  run(): Promise<Answer>;
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
  #isDraining = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Opens the hot routes; before that they answer 503, because nothing could be accepted. */
  open(endpoints: EdgeEndpoints): void {
    this.#endpoints = endpoints;
  }

  /** From now on every answer closes its connection: a sender goes on elsewhere, and none is cut in the middle. */
  drain(): void {
    this.#isDraining = true;
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
      else void this.#serve(request, response, handling);
    });
  }

  #route(request: IncomingMessage): Handling | undefined {
    const url = request.url ?? '/';
    const end = url.indexOf('?');
    const path = end < 0 ? url : url.slice(0, end);
    if (path === '/t.js') return { route: 'page_script', run: async () => servePageScript(request) };
    if (!/^\/(?:c|i|postback|v1)\//.test(path)) return undefined;
    const endpoints = this.#endpoints;
    if (endpoints === undefined) return { route: 'other', run: async () => unavailable() };
    if (url.length > MAX_URL_LENGTH)
      return { route: 'other', run: async () => ({ status: 414, body: { code: 'url_too_long' } }) };
    const query = new URLSearchParams(end < 0 ? '' : url.slice(end + 1));
    if (path.startsWith('/postback/')) {
      const rest = path.slice('/postback/'.length);
      const slash = rest.indexOf('/');
      const sourceId = decodeSegment(slash < 0 ? rest : rest.slice(0, slash));
      const token = slash < 0 ? null : decodeSegment(rest.slice(slash + 1));
      return { route: 'postback', run: () => endpoints.postbacks.one(request, sourceId, query, token) };
    }
    if (path.startsWith('/c/')) {
      const campaignId = decodeSegment(path.slice('/c/'.length));
      return { route: 'redirect', run: () => endpoints.clicks.redirect(request, campaignId, query) };
    }
    if (path.startsWith('/i/')) {
      const campaignId = decodeSegment(path.slice('/i/'.length));
      return { route: 'impression', run: () => endpoints.clicks.impression(request, campaignId, query) };
    }
    if (path === '/v1/postbacks')
      return { route: 'postback_batch', run: () => endpoints.postbacks.batch(request, query) };
    if (path.startsWith('/v1/receipts/')) {
      const receiptId = decodeSegment(path.slice('/v1/receipts/'.length));
      return { route: 'receipt', run: () => endpoints.receipts.show(request, receiptId, query) };
    }
    if (path === '/v1/clicks') return { route: 'direct_click', run: () => endpoints.clicks.direct(request) };
    return undefined;
  }

  async #serve(request: IncomingMessage, response: ServerResponse, { route, run }: Handling): Promise<void> {
    const startedAt = performance.now();
    // Whoever posts to us has no part in our traces, so their trace headers are not taken.
    const status = await inSpan({ name: 'request.serve', kind: 'server', attributes: { route } }, () =>
      this.#answer(request, response, run),
    );
    requests.inc({ route, status_class: `${Math.floor(status / 100)}xx` });
    requestSeconds.observe({ route }, (performance.now() - startedAt) / 1_000);
  }

  /** @returns the status that was sent. */
  async #answer(request: IncomingMessage, response: ServerResponse, run: Handling['run']): Promise<number> {
    const answer = await this.#answerOf(request, run);
    if (this.#isDraining) response.setHeader('connection', 'close');
    send(response, answer);
    noteOnSpan({ status: answer.status });
    return answer.status;
  }

  async #answerOf(request: IncomingMessage, run: Handling['run']): Promise<Answer> {
    try {
      return await run();
    } catch (error) {
      // Method only: the URL may carry a token.
      this.#logger.error({ err: error, method: request.method }, 'request.failed');
      return { status: 500, body: { code: 'internal_error' } };
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
