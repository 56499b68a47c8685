/** The one place that calls out: a request goes, a bounded response or a named network error comes back; no redirects, TLS always verified. */
import type { OutwardRequest, OutwardResponse } from '@tributary/destinations';
import type { NetworkError } from '@tributary/domain';
import { Agent, buildConnector } from 'undici';
import { AddressBlocked, type AddressGuard } from './address-guard.ts';

export interface SenderOptions {
  /** Total time of an attempt, from connecting to the last byte. */
  readonly timeoutMs: number;
  /** Null lets requests go anywhere: only for the sandbox and tests. */
  readonly guard: AddressGuard | null;
}

/** Whose connections a request uses: each destination has a pool of its own. */
export interface Pool {
  readonly destinationId: string;
  readonly connections: number;
}

export type Exchange =
  | { readonly ok: true; readonly response: OutwardResponse }
  | { readonly ok: false; readonly error: NetworkError };

const MAX_RESPONSE_BYTES = 256 * 1024;
const CONNECT_TIMEOUT_MS = 5_000;
/** Beside the requests of its lane a destination may ask for an access token. */
const SPARE_CONNECTIONS = 2;
const USER_AGENT = 'Tributary/1 (+conversion delivery)';

/** Error codes of Node and undici, by what they mean for a delivery. */
const ERRORS_BY_CODE: Readonly<Record<string, NetworkError>> = {
  ENOTFOUND: 'dns_failure',
  EAI_AGAIN: 'dns_failure',
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_reset',
  EPIPE: 'connection_reset',
  UND_ERR_SOCKET: 'connection_reset',
  ENETUNREACH: 'network_unreachable',
  EHOSTUNREACH: 'network_unreachable',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'connect_timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_OVERFLOW: 'response_too_large',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'response_too_large',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'response_malformed',
  ADDRESS_BLOCKED: 'address_blocked',
  EPROTO: 'tls_handshake_failed',
};

/** OpenSSL's verdicts on a certificate, as Node spells them. */
const CERTIFICATE_CODE =
  /^(?:CERT_|CRL_|UNABLE_TO_|ERR_TLS_CERT_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|PATH_LENGTH_)|SELF_SIGNED_CERT/;

export class Sender {
  readonly #options: SenderOptions;
  readonly #agents = new Map<string, { readonly connections: number; readonly agent: Agent }>();

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  async send({ method, url, headers, body }: OutwardRequest, pool: Pool): Promise<Exchange> {
    const target = new URL(url);
    if (this.#options.guard?.hasBlockedLiteral(target) === true)
      return { ok: false, error: 'address_blocked' };
    // AbortSignal.timeout would fire, and build its error, also for every request that has long ended.
    const control = new AbortController();
    const timer = setTimeout(() => control.abort(), this.#options.timeoutMs);
    try {
      const response = await this.#agentOf(pool).request({
        origin: target.origin,
        path: `${target.pathname}${target.search}`,
        method,
        headers: { 'user-agent': USER_AGENT, ...headers },
        body,
        signal: control.signal,
      });
      const text = await readBounded(response.body);
      return {
        ok: true,
        response: { status: response.statusCode, headers: singleValues(response.headers), body: text },
      };
    } catch (error) {
      return { ok: false, error: networkErrorOf(error) };
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map(({ agent }) => agent.close()));
  }

  #agentOf({ destinationId, connections }: Pool): Agent {
    const kept = this.#agents.get(destinationId);
    if (kept?.connections === connections) return kept.agent;
    // What is under way on the old one ends; it closes then.
    kept?.agent.close().catch(() => undefined);
    const agent = new Agent({ connections: connections + SPARE_CONNECTIONS, connect: this.#connector() });
    this.#agents.set(destinationId, { connections, agent });
    return agent;
  }

  #connector(): buildConnector.connector {
    const { guard } = this.#options;
    if (guard === null) return buildConnector({ timeout: CONNECT_TIMEOUT_MS });
    const connect = buildConnector({ timeout: CONNECT_TIMEOUT_MS, lookup: guard.lookup });
    return (options, callback) =>
      connect(options, (error, socket) => {
        if (error !== null) return callback(error, null);
        if (!guard.isConnectedToBlocked(socket)) return callback(null, socket);
        socket.destroy();
        return callback(new AddressBlocked(), null);
      });
  }
}

/** The body up to the cap. The status stands whatever comes after: the receiver has answered, and asking again would not change it. */
async function readBounded(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving the loop destroys the body, and with it the connection.
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_RESPONSE_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_RESPONSE_BYTES).toString('utf8');
}

function singleValues(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value ?? '')]));
}

function networkErrorOf(error: unknown): NetworkError {
  if (!(error instanceof Error)) throw error;
  if (error.name === 'AbortError') return 'timeout';
  if (error instanceof AddressBlocked || error.cause instanceof AddressBlocked) return 'address_blocked';
  const code = 'code' in error ? String(error.code) : '';
  // undici gives the parser's errors no code of their own.
  if (error.name === 'HTTPParserError') return 'response_malformed';
  if (CERTIFICATE_CODE.test(code)) return 'tls_certificate_invalid';
  if (code.startsWith('ERR_SSL_')) return 'tls_handshake_failed';
  const known = ERRORS_BY_CODE[code];
  if (known !== undefined) return known;
  if ('syscall' in error) return error.syscall === 'getaddrinfo' ? 'dns_failure' : 'network_unreachable';
  // Anything else is a defect of the request we built, not of the network.
  throw error;
}
