/** Where a call came from, and whether over TLS, as far as the configured number of proxies in front of us vouches for it. */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { headerOf } from '../edge/http-exchange.ts';

const PORT_BEHIND_V4 = /^(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}$/;
const BRACKETED_V6 = /^\[([^\]]+)\](?::\d{1,5})?$/;
const MAPPED_V4 = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/;

/**
 * The address of the client, normalised; null when it cannot be told. Each proxy appends to X-Forwarded-For who called it,
 * so with n proxies the client is the n-th entry from the right, and what stands left of it is what the client made up.
 * A list shorter than that was not written by all our proxies and says nothing.
 * @param proxyDepth proxies between the client and us (`TRUSTED_PROXIES`).
 */
export function clientAddressOf(request: IncomingMessage, proxyDepth: number): string | null {
  if (proxyDepth === 0) return normalisedAddress(request.socket.remoteAddress ?? '');
  const forwarded = (headerOf(request, 'x-forwarded-for') ?? '').split(',');
  return normalisedAddress(forwarded.at(-proxyDepth)?.trim() ?? '');
}

/**
 * Whether the client spoke TLS: to us when there is no proxy, else to the outermost trusted one, which says so in
 * X-Forwarded-Proto. Proxies write that header anew or append to it; in a list the place is as in X-Forwarded-For.
 */
export function isOverTls(request: IncomingMessage, proxyDepth: number): boolean {
  const forwarded = proxyDepth === 0 ? null : headerOf(request, 'x-forwarded-proto');
  if (forwarded === null) return 'encrypted' in request.socket && request.socket.encrypted === true;
  const protocols = forwarded.split(',');
  return (protocols.at(-proxyDepth) ?? protocols[0])?.trim().toLowerCase() === 'https';
}

/** One spelling for one address: no port, no brackets, IPv4 as IPv4 also where it came as `::ffff:…`; null for what is none. */
export function normalisedAddress(text: string): string | null {
  const bare = PORT_BEHIND_V4.exec(text)?.[1] ?? BRACKETED_V6.exec(text)?.[1] ?? text;
  const family = isIP(bare);
  if (family === 4) return bare;
  if (family !== 6 || bare.includes('%')) return null;
  const { hostname } = new URL(`http://[${bare}]`);
  const mapped = MAPPED_V4.exec(hostname);
  if (mapped === null) return hostname.slice(1, -1);
  const [high = 0, low = 0] = [mapped[1], mapped[2]].map((group) => Number.parseInt(group ?? '', 16));
  return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
}
