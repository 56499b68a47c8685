/** The hot routes as plain handlers on Nest's HTTP server: everything else falls through to the framework. */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { inSpan, type Logger, noteOnSpan } from '@tributary/runtime';
import { requestSeconds, requests } from '../ingestion-metrics.ts';
import { atEndOfTurn } from './end-of-turn.ts';
import { type Answer, send } from './http-exchange.ts';
import { type EdgeEndpoints, type Handling, handlingOf } from './routes.ts';
import { limitServer, SERVER_LIMITS, serverOptions } from './server-limits.ts';

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
  createServer(framework: RequestListener, limits = SERVER_LIMITS): Server {
    const server = createServer(serverOptions(limits), (request, response) => {
      const startedAt = performance.now();
      const handling = handlingOf(request, this.#endpoints);
      if (handling === undefined) framework(request, response);
      else atEndOfTurn(() => void this.#serve(request, response, handling, startedAt));
    });
    return limitServer(server, limits);
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    { route, run }: Handling,
    startedAt: number,
  ): Promise<void> {
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
