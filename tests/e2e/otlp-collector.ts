/** A collector of spans for tests: OTLP over HTTP in JSON on the loopback, as a real one takes them. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface CollectedSpan {
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly attributes: Readonly<Record<string, string>>;
}

interface OtlpAttribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: string | number };
}

interface OtlpRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly OtlpAttribute[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly { name: string; traceId: string; attributes: readonly OtlpAttribute[] }[];
    }[];
  }[];
}

export class OtlpCollector {
  readonly spans: CollectedSpan[] = [];
  readonly #server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (request.url === '/v1/traces')
      this.#take(JSON.parse(Buffer.concat(chunks).toString('utf8')) as OtlpRequest);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });

  /** @returns the endpoint for OTEL_EXPORTER_OTLP_ENDPOINT. */
  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #take({ resourceSpans }: OtlpRequest): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = textsOf(resource.attributes)['service.name'] ?? '';
      for (const { name, traceId, attributes } of scopeSpans.flatMap(({ spans }) => spans))
        this.spans.push({ service, name, traceId, attributes: textsOf(attributes) });
    }
  }
}

function textsOf(attributes: readonly OtlpAttribute[]): Record<string, string> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, String(value.stringValue ?? value.intValue ?? '')]),
  );
}
