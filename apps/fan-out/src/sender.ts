/** The one place that calls out: a request goes, a bounded response or a named network error comes back; no redirects, TLS always verified. */
import type { OutwardRequest, OutwardResponse } from '@tributary/destinations';
import type { NetworkError } from '@tributary/domain';
import { Agent } from 'undici';
import { AddressBlocked, guardedLookup, hasBlockedLiteral } from './address-guard.ts';

export interface SenderOptions {
  /** Total time of an attempt, from connecting to the last byte. */
  readonly timeoutMs: number;
  /** Only for the sandbox and receivers on one's own premises. */
  readonly allowPrivate: boolean;
}

export type Exchange =
  | { readonly ok: true; readonly response: OutwardResponse }
  | { readonly ok: false; readonly error: NetworkError };

const MAX_RESPONSE_BYTES = 256 * 1024;
const CONNECT_TIMEOUT_MS = 5_000;
const CONNECTIONS_PER_ORIGIN = 64;
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
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_OVERFLOW: 'response_too_large',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'response_too_large',
  ADDRESS_BLOCKED: 'address_blocked',
  CERT_HAS_EXPIRED: 'tls_certificate_invalid',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls_certificate_invalid',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls_certificate_invalid',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls_certificate_invalid',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls_certificate_invalid',
  ERR_TLS_CERT_ALTNAME_INVALID: 'tls_certificate_invalid',
  EPROTO: 'tls_handshake_failed',
};

export class Sender {
  readonly #options: SenderOptions;
  readonly #agent: Agent;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#agent = new Agent({
      connections: CONNECTIONS_PER_ORIGIN,
      connect: { timeout: CONNECT_TIMEOUT_MS, ...(options.allowPrivate ? {} : { lookup: guardedLookup }) },
    });
  }

  async send({ method, url, headers, body }: OutwardRequest): Promise<Exchange> {
    const target = new URL(url);
    if (!this.#options.allowPrivate && hasBlockedLiteral(target))
      return { ok: false, error: 'address_blocked' };
    try {
      const response = await this.#agent.request({
        origin: target.origin,
        path: `${target.pathname}${target.search}`,
        method,
        headers: { 'user-agent': USER_AGENT, ...headers },
        body,
        signal: AbortSignal.timeout(this.#options.timeoutMs),
      });
      const text = await readBounded(response.body);
      if (text === null) return { ok: false, error: 'response_too_large' };
      return {
        ok: true,
        response: { status: response.statusCode, headers: singleValues(response.headers), body: text },
      };
    } catch (error) {
      return { ok: false, error: networkErrorOf(error) };
    }
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }
}

async function readBounded(body: AsyncIterable<Buffer> & { destroy(): unknown }): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_RESPONSE_BYTES) {
      body.destroy();
      return null;
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function singleValues(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value ?? '')]));
}

function networkErrorOf(error: unknown): NetworkError {
  if (!(error instanceof Error)) throw error;
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'timeout';
  if (error instanceof AddressBlocked || error.cause instanceof AddressBlocked) return 'address_blocked';
  const code = 'code' in error ? String(error.code) : '';
  if (code.startsWith('HPE_')) return 'response_malformed';
  const known = ERRORS_BY_CODE[code];
  // Anything else is a defect of the request we built, not of the network.
  if (known === undefined) throw error;
  return known;
}
