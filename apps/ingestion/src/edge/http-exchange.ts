/** Node's request and response in the few calls the edge needs: bounded bodies in, complete answers out. */
import type { IncomingMessage, ServerResponse } from 'node:http';

export const MAX_BODY_BYTES = 2 * 1024 * 1024;

/** `bytes` are those of the wire: what a sender has signed. */
export type Body =
  | { readonly ok: true; readonly bytes: Buffer; readonly text: string }
  | { readonly ok: false };

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text, bytes as they are, or an object that is sent as JSON. */
  readonly body?: string | Buffer | object;
}

/**
 * The body, also as UTF-8 text; not ok as soon as it is larger than allowed. The rest is then read and thrown away, within the
 * server's request timeout: many senders read no answer before they have written everything.
 */
export async function readBody(request: IncomingMessage, maxBytes = MAX_BODY_BYTES): Promise<Body> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) break;
    chunks.push(chunk);
  }
  if (size > maxBytes) {
    request.resume();
    return { ok: false };
  }
  const bytes = Buffer.concat(chunks);
  return { ok: true, bytes, text: bytes.toString('utf8') };
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
