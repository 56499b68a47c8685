/** How much of anything one client may take of the server before it is cut off. */
import type { Server, ServerOptions } from 'node:http';

export interface ServerLimits {
  /** Until all headers of a request are there. */
  readonly headersMs: number;
  /** Until all of a request is there: a slow sender is answered 408 and cut. */
  readonly requestMs: number;
  /** How often slow requests are looked for. */
  readonly checkEveryMs: number;
  /** Of the request line and all headers together; more is answered 431. */
  readonly headBytes: number;
  /** Headers that are read; of a hundred no sender needs the rest. */
  readonly headers: number;
  /** Open connections; more are closed as they come, so that those that are served keep their memory and files. */
  readonly connections: number;
}

export const SERVER_LIMITS: ServerLimits = {
  headersMs: 10_000,
  requestMs: 15_000,
  checkEveryMs: 1_000,
  headBytes: 16_384,
  headers: 100,
  connections: 10_000,
};

/** Above the idle time of common load balancers, which otherwise meet a connection just closed. */
const KEEP_ALIVE_MS = 65_000;

export function serverOptions(limits: ServerLimits): ServerOptions {
  return {
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    connectionsCheckingInterval: limits.checkEveryMs,
    maxHeaderSize: limits.headBytes,
    keepAliveTimeout: KEEP_ALIVE_MS,
  };
}

/** What Node takes of a server that exists, and not as options. */
export function limitServer(server: Server, limits: ServerLimits): Server {
  server.maxHeadersCount = limits.headers;
  server.maxConnections = limits.connections;
  return server;
}
