/** Node's request and response in the few calls the edge needs: bounded bodies in, complete answers out. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { atEndOfTurn } from './end-of-turn.ts';

/** Of a call with one postback or click: the longest webhook known to us has 30 KB. */
export const MAX_CALL_BYTES = 64 * 1024;
/** Of a batch: 10,000 rows with 800 bytes each. */
export const MAX_BATCH_BYTES = 8 * 1024 * 1024;

/** `bytes` are those of the wire: what a sender has signed. */
export type Body =
  | { readonly ok: true; readonly bytes: Buffer }
  | { readonly ok: false; readonly problem: 'too_large' | 'encoded' };

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text, bytes as they are, or an object that is sent as JSON. */
  readonly body?: string | Buffer | object;
}

/**
 * The body; not ok as soon as it is larger than allowed. The rest is then read and thrown away, within the
 * server's request timeout: many senders read no answer before they have written everything. One that is compressed is not
 * read at all: a few bytes of it can stand for gigabytes.
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Body> {
  const encoding = headerOf(request, 'content-encoding');
  if (encoding !== null && encoding.toLowerCase() !== 'identity')
    return Promise.resolve(unread(request, 'encoded'));
  // By its events: a stream's iterator makes several promises for each chunk, and nearly every body is one.
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) {
        chunks.push(chunk);
        return;
      }
      chunks.length = 0;
      resolve({ ok: false, problem: 'too_large' });
    });
    request.once('end', () => atEndOfTurn(() => resolve({ ok: true, bytes: Buffer.concat(chunks) })));
    request.once('error', reject);
  });
}

function unread(request: IncomingMessage, problem: 'too_large' | 'encoded'): Body {
  request.resume();
  return { ok: false, problem };
}

export function send(response: ServerResponse, { status, headers = {}, body }: Answer): void {
  if (response.writableEnded) return;
  const isJson = typeof body === 'object' && !Buffer.isBuffer(body);
  const content = isJson ? JSON.stringify(body) : (body ?? '');
  // These two have no body, and RFC 9110 §8.6 forbids or discourages saying how long it is.
  const hasBody = status !== 204 && status !== 304;
  response.writeHead(status, {
    ...(hasBody && {
      'content-type': isJson ? 'application/json; charset=utf-8' : 'text/plain; charset=utf-8',
      'content-length': Buffer.byteLength(content),
    }),
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(hasBody ? content : undefined);
}

/** First value of a header. */
export function headerOf(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  const first = Array.isArray(value) ? value[0] : value;
  return first === undefined || first === '' ? null : first;
}

/** What a sender is told when neither Kafka nor the spool took the records: nothing was accepted, send it again. */
export function unavailable(): Answer {
  return { status: 503, headers: { 'retry-after': '5' }, body: { code: 'unavailable' } };
}
