/** The edge over real HTTP with a bus in memory, for the tests of clicks. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { OutgoingRecord } from '@tributary/bus';
import { Configuration } from '@tributary/configuration';
import { type ClickRecorded, type ConfigurationChanged, decodeEvent } from '@tributary/contracts';
import { createLogger } from '@tributary/runtime';
import { type EndpointsOptions, endpointsOver } from '../edge/endpoints.fixture.ts';
import { HttpEdge } from '../edge/http-edge.ts';
import { RecordingProducer } from '../edge/recording-producer.fixture.ts';

export interface ClickBedOptions
  extends Pick<EndpointsOptions, 'fallbackUrl' | 'countryHeader' | 'proxyDepth' | 'encryption'> {
  readonly changes: readonly ConfigurationChanged[];
  readonly now: () => number;
  /** What to answer on paths that are not the edge's: a page, in the tests with a browser. */
  readonly page?: (path: string) => string;
}

export class ClickBed {
  readonly #producer = new RecordingProducer();
  readonly #server: Server;

  static async start(options: ClickBedOptions): Promise<ClickBed> {
    const bed = new ClickBed(options);
    bed.#server.listen(0, '127.0.0.1');
    await once(bed.#server, 'listening');
    return bed;
  }

  private constructor({ changes, now, page = () => 'framework', ...settings }: ClickBedOptions) {
    const configuration = new Configuration();
    for (const [offset, change] of changes.entries())
      if (configuration.apply(offset, change).outcome !== 'applied')
        throw new Error(`change ${offset} is void`);
    const edge = new HttpEdge(createLogger('click-bed', 'silent'));
    edge.open(endpointsOver({ configuration, producer: this.#producer, now, ...settings }));
    this.#server = edge.createServer((request, response) => {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page(request.url ?? '/'));
    });
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get records(): readonly OutgoingRecord[] {
    return this.#producer.records;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  call(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.origin}${path}`, { redirect: 'manual', ...init });
  }

  /** The answer to a request exactly as given: clients mend what some tests are about. */
  raw(requestLine: string, headers: readonly string[] = []): Promise<string> {
    return new Promise((resolve, reject) => {
      let answer = '';
      const socket = connect(this.#port, '127.0.0.1', () => {
        const head = [`${requestLine} HTTP/1.1`, 'Host: edge', 'Connection: close', ...headers];
        socket.write(`${head.join('\r\n')}\r\n\r\n`, 'latin1');
      });
      socket.setEncoding('latin1').on('data', (text: string) => {
        answer += text;
      });
      socket.on('close', () => resolve(answer)).on('error', reject);
    });
  }

  clicks(): ClickRecorded[] {
    return this.records.map((record) => {
      if (record.topic !== 'click.recorded.v1') throw new Error(`${record.topic} was written`);
      const decoded = decodeEvent(record.topic, record.value);
      if (!decoded.ok) throw new Error(decoded.problem);
      return decoded.value;
    });
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
}
