/** Every profile of the catalogue against its examples, as real calls over HTTP: read to exactly what the row says, and to nothing where a macro was not filled. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { aChange, Configuration } from '@tributary/configuration';
import { decodeEvent } from '@tributary/contracts';
import {
  arrivingCall,
  type ExampleCall,
  type ExpectedPostback,
  type InboundCall,
  NETWORKS,
  type Network,
} from '@tributary/domain';
import { createLogger, Encryption } from '@tributary/runtime';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { endpointsOver } from '../edge/endpoints.fixture.ts';
import { HttpEdge } from '../edge/http-edge.ts';
import { RecordingProducer } from '../edge/recording-producer.fixture.ts';

const NOW = Date.UTC(2026, 5, 1);
const TOKEN = 'network-secret';
const encryption = new Encryption(randomBytes(32).toString('base64'));

/** What a row may expect of a call; what it does not name must be absent. */
const FIELDS = [
  'eventType',
  'status',
  'clickId',
  'transactionId',
  'originalTransactionId',
  'reversalId',
  'customerId',
  'revenueMicros',
  'currency',
  'taxMicros',
  'shippingMicros',
  'predictedLtvMicros',
  'productId',
  'planId',
  'couponCode',
  'quantity',
  'country',
  'userAgent',
] as const satisfies readonly (keyof ExpectedPostback)[];

const producer = new RecordingProducer();
let server: Server;
let origin: string;

/** A source for each network, with its profile as it would be written. */
function configured(): Configuration {
  const configuration = new Configuration();
  const tokenHashes = [createHash('sha256').update(TOKEN).digest('hex')];
  const sources = NETWORKS.flatMap(({ key, name, inbound }) => {
    if (inbound === undefined) return [];
    const { profile, successBody } = inbound;
    const document = { id: key, advertiserId: 'acme', name, tokenHashes, profile };
    return [successBody === undefined ? document : { ...document, successBody }];
  });
  for (const [offset, source] of sources.entries()) {
    const { outcome } = configuration.apply(offset, aChange('source', source));
    if (outcome !== 'applied') throw new Error(`the profile of ${source.id} is ${outcome}`);
  }
  return configuration;
}

beforeAll(async () => {
  const edge = new HttpEdge(createLogger('catalogue-test', 'silent'));
  edge.open(endpointsOver({ configuration: configured(), producer, now: () => NOW, encryption }));
  server = edge.createServer((_request, response) => response.writeHead(404).end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

beforeEach(() => {
  producer.records.length = 0;
});

async function send({ key }: Network, call: InboundCall, example: ExampleCall): Promise<Response> {
  const { method, query, contentType, body } = arrivingCall(call, example);
  const rest = query === '' ? '' : `&${query}`;
  return fetch(`${origin}/postback/${key}?token=${TOKEN}${rest}`, {
    method,
    body,
    headers: contentType === null ? {} : { 'content-type': contentType },
  });
}

function received() {
  return producer.records.flatMap((record) => {
    if (record.topic !== 'postback.received.v1') return [];
    const decoded = decodeEvent(record.topic, record.value);
    if (!decoded.ok) throw new Error(decoded.problem);
    return [decoded.value];
  });
}

function refusals() {
  return producer.records.flatMap((record) => {
    if (record.topic !== 'postback.refused.v1') return [];
    const decoded = decodeEvent(record.topic, record.value);
    if (!decoded.ok) throw new Error(decoded.problem);
    const { reasonCode, field } = decoded.value;
    return [{ reasonCode, field }];
  });
}

/** What was understood, without what is absent. */
function understood(event: ReturnType<typeof received>[number]): Record<string, unknown> {
  const ip = event.ipCiphertext === null ? null : encryption.decryptPersonal(event.ipCiphertext);
  const all = [
    ...FIELDS.map((field) => [field, event[field]] as const),
    ['occurredAt', event.occurredAtIsAssumed ? null : event.occurredAt] as const,
    ['ipAddress', ip] as const,
    ['subIds', Object.keys(event.subIds).length === 0 ? null : event.subIds] as const,
    ['warnings', event.warnings.length === 0 ? null : event.warnings] as const,
  ];
  return Object.fromEntries(all.filter(([, value]) => value !== null));
}

const ROWS = NETWORKS.flatMap((network) =>
  (network.inbound?.calls ?? []).flatMap((call) =>
    call.examples.map((example) => [network.key, example.title, network, call, example] as const),
  ),
);

describe('each example', () => {
  it.each(ROWS)('of %s, %s, is read as the row says', async (_key, _title, network, call, example) => {
    const response = await send(network, call, example);
    if ('ignored' in example.expected) {
      expect(received()).toEqual([]);
      expect(refusals().map(({ reasonCode }) => reasonCode)).toEqual([example.expected.ignored]);
    } else {
      expect(refusals()).toEqual([]);
      expect(received().map(understood)).toEqual([example.expected]);
    }
    expect(response.status).toBe(200);
    const successBody = network.inbound?.successBody;
    if (successBody !== undefined) expect(await response.text()).toBe(successBody);
  });
});

describe('a call whose macros were not filled', () => {
  const templated = ROWS.filter(([, , , { examples }, example]) => example.macros && examples[0] === example);

  it.each(templated)('says nothing: %s, %s', async (_key, _title, network, call, example) => {
    const unfilled = Object.fromEntries(Object.keys(example.macros ?? {}).map((macro) => [macro, macro]));
    await send(network, call, { ...example, macros: unfilled });
    for (const { reasonCode } of refusals())
      expect(['event_type_missing', 'not_qualified']).toContain(reasonCode);
    for (const event of received()) {
      expect(event).toMatchObject({ clickId: null, transactionId: null, revenueMicros: null });
      if (call.parameters.includes('click_id='))
        expect(event.warnings).toContain('unreplaced_macro:click_id');
    }
    expect(producer.records.length).toBe(1);
  });
});
