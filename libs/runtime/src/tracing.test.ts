/** Tracing: nothing while it is off; on, one trace over two processes' headers reaches a collector over OTLP/HTTP. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLogger } from './logger.ts';
import { traceHeaders, withTraceHeaders } from './trace-context.ts';
import { currentTraceId, inSpan, openSpan, startTracing, stopTracing } from './tracing.ts';

interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly status?: { readonly code?: number; readonly message?: string };
}

let collector: Server;
const received: ReceivedSpan[] = [];

beforeAll(async () => {
  collector = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
      resourceSpans: { scopeSpans: { spans: ReceivedSpan[] }[] }[];
    };
    for (const { scopeSpans } of resourceSpans) for (const { spans } of scopeSpans) received.push(...spans);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
});

afterAll(() => {
  collector.closeAllConnections();
  collector.close();
});

// One after the other in one test: OpenTelemetry's globals are set once per process.
it('is off until started, carries a trace in headers, and sends its spans', async () => {
  expect(startTracing('test', { TRACING: 'off', OTEL_EXPORTER_OTLP_ENDPOINT: '' })).toBe(false);
  await inSpan({ name: 'off' }, async () => {
    expect(traceHeaders()).toEqual({});
    expect(currentTraceId()).toBeUndefined();
  });
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/`;
  expect(startTracing('test', { TRACING: 'off', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })).toBe(true);

  const lines: string[] = [];
  const logger = createLogger('test', 'info', { write: (line) => lines.push(line) });
  let headers: Readonly<Record<string, string>> = {};
  await inSpan({ name: 'postback.accept', kind: 'server' }, async () => {
    headers = traceHeaders();
    logger.info('inside');
  });
  logger.info('outside');
  expect(headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  const traceId = headers['traceparent']?.split('-')[1];
  expect(lines.map((line) => (JSON.parse(line) as { traceId?: string }).traceId)).toEqual([
    traceId,
    undefined,
  ]);

  const decide = openSpan({ name: 'postback.decide', kind: 'consumer', parent: headers });
  expect(decide.run(() => currentTraceId())).toBe(traceId);
  const onward = decide.run(traceHeaders);
  decide.end();
  const failing = inSpan({ name: 'delivery.attempt', parent: onward }, () =>
    Promise.reject(new RangeError('canary')),
  );
  await expect(failing).rejects.toThrow('canary');
  expect(withTraceHeaders(onward, currentTraceId)).toBe(traceId);

  await stopTracing();
  expect(received.map(({ name }) => name)).toEqual([
    'postback.accept',
    'postback.decide',
    'delivery.attempt',
  ]);
  expect(new Set(received.map((span) => span.traceId))).toEqual(new Set([traceId]));
  const [accept, decided, attempt] = received;
  expect(decided?.parentSpanId).toBe(accept?.spanId);
  expect(attempt?.parentSpanId).toBe(decided?.spanId);
  expect(attempt?.status).toEqual({ code: 2, message: 'RangeError' });
  await inSpan({ name: 'off again' }, async () => {
    expect(currentTraceId()).toBeUndefined();
  });
});
