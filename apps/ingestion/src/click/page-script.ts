/** The landing-page script of `apps/ingestion/assets/t.js`, as it is served: cached by browsers, and asked about by its ETag. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { gzipSync } from 'node:zlib';
import { type Answer, headerOf } from '../edge/http-exchange.ts';

/** As written, less comments and indentation: a quarter of its size. Neither stands within a text or a pattern of it. */
const SCRIPT = Buffer.from(
  readFileSync(new URL('../../assets/t.js', import.meta.url), 'utf8')
    .replace(/\/\*[\s\S]*?\*\/\s*/g, '')
    .replace(/^\s+/gm, ''),
);

interface Variant {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** An hour, so that a mended script is everywhere soon; an older one may be used for a day while the new one is fetched. */
const CACHING = 'public, max-age=3600, stale-while-revalidate=86400';

const PLAIN = variantOf(SCRIPT, {});
const GZIPPED = variantOf(gzipSync(SCRIPT, { level: 9 }), { 'content-encoding': 'gzip' });

export function servePageScript(request: IncomingMessage): Answer {
  if (request.method === 'OPTIONS') return { status: 204, headers: { allow: 'GET, HEAD, OPTIONS' } };
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    const headers = { allow: 'GET, HEAD, OPTIONS' };
    return { status: 405, headers, body: { code: 'method_not_allowed' } };
  }
  const { body, headers } = takesGzip(headerOf(request, 'accept-encoding')) ? GZIPPED : PLAIN;
  const known = headerOf(request, 'if-none-match')?.split(',') ?? [];
  const isKnown = known.some((tag) => ['*', headers['etag']].includes(tag.trim().replace(/^W\//, '')));
  return isKnown ? { status: 304, headers } : { status: 200, headers, body };
}

function takesGzip(accepted: string | null): boolean {
  return /(?:^|[\s,])gzip(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(accepted ?? '');
}

function variantOf(body: Buffer, encoding: Readonly<Record<string, string>>): Variant {
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  const headers = {
    'content-type': 'text/javascript; charset=utf-8',
    'cache-control': CACHING,
    etag,
    vary: 'accept-encoding',
    // Public, so any page may load it, also one that isolates itself or asks for its integrity.
    'access-control-allow-origin': '*',
    'cross-origin-resource-policy': 'cross-origin',
    'x-content-type-options': 'nosniff',
    ...encoding,
  };
  return { body, headers };
}
