/** The edge over real HTTP with a bus in memory: what each call is answered, what is written of it, and what hostile calls cannot do. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { aChange, Configuration } from '@tributary/configuration';
import { decodeEvent } from '@tributary/contracts';
import { createLogger, DependencyFailure, type Logger } from '@tributary/runtime';
import type { StoredReceipt } from '@tributary/store';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endpointsOver } from './endpoints.fixture.ts';
import { HttpEdge } from './http-edge.ts';
import { MAX_BATCH_BYTES, MAX_CALL_BYTES } from './http-exchange.ts';
import { RecordingProducer } from './recording-producer.fixture.ts';
import type { EdgeEndpoints } from './routes.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const TOKEN = 'shop-secret';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const logger = createLogger('edge-test', 'silent');

function configured(): Configuration {
  const configuration = new Configuration();
  const tokenHashes = [createHash('sha256').update(TOKEN).digest('hex')];
  const source = { advertiserId: 'acme', name: 'Shop', tokenHashes };
  const campaign = { offerId: 'shoes', partnerId: 'blog', name: 'Spring', status: 'active' };
  const landingUrl = 'https://shop.example/land?c={click_id}&s={sub1}&p={partner_click_id}#top';
  const changes = [
    aChange('offer', { id: 'shoes', advertiserId: 'acme', name: 'Shoes' }),
    aChange('campaign', { ...campaign, id: 'spring', landingUrl }),
    aChange('campaign', { ...campaign, id: 'plain', landingUrl: 'https://shop.example/land?a=b#top' }),
    aChange('campaign', { ...campaign, id: 'paused', status: 'paused', landingUrl }),
    aChange('campaign', { ...campaign, id: 'orphan', offerId: 'nowhere', landingUrl }),
    aChange('source', { ...source, id: 'shop', allowedExtras: ['note', 'token'] }),
    aChange('source', { ...source, id: 'network', successBody: 'OK' }),
    aChange('source', { ...source, id: 'bare', successStatus: 204, successBody: 'never sent' }),
    aChange('source', { ...source, id: 'image', successContentType: 'image/gif' }),
    aChange('source', {
      ...source,
      id: 'shop-xml',
      profile: {
        aliases: { transactionId: ['id'] },
        ignoredEventTypes: ['ping'],
        rowsAt: 'orders',
        charset: 'windows-1251',
        defaultEventType: 'sale',
      },
      successBody: '<ok/>',
      successStatus: 202,
      successContentType: 'application/xml',
      allowedExtras: ['note'],
    }),
    aChange('source', {
      ...source,
      id: 'ads',
      profile: { ignoredStatuses: ['draft'], qualifiesBy: { parameter: 'seconds', atLeast: '30' } },
      successBody: 'OK',
    }),
  ];
  for (const [offset, change] of changes.entries()) {
    if (configuration.apply(offset, change).outcome !== 'applied')
      throw new Error(`change ${offset} is void`);
  }
  return configuration;
}

const JUDGED: StoredReceipt = {
  receiptId: '019b7c40-0000-7000-8000-000000000001',
  sourceId: 'shop',
  receivedAt: NOW,
  verdict: 'counted',
  reasonCode: null,
  judgedAt: NOW + 900,
  hasConversion: true,
  conversion: {
    conversionId: '019b7c40-0000-7000-8000-0000000000aa',
    revision: 1,
    match: 'attributed',
    state: 'payable',
  },
};
let waits: number[];
let storeFailure: Error | undefined;

async function receiptOf(receiptId: string, waitMs: number): Promise<StoredReceipt | null> {
  if (storeFailure) throw storeFailure;
  waits.push(waitMs);
  return receiptId === JUDGED.receiptId ? JUDGED : null;
}

let server: Server;
let origin: string;
let producer: RecordingProducer;
let edge: HttpEdge;

const endpoints = (log: Logger): EdgeEndpoints =>
  endpointsOver({ configuration: configured(), producer, now: () => NOW, logger: log, receipt: receiptOf });

beforeEach(async () => {
  producer = new RecordingProducer();
  waits = [];
  storeFailure = undefined;
  edge = new HttpEdge(logger);
  edge.open(endpoints(logger));
  await listen(edge);
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function listen(on: HttpEdge): Promise<void> {
  server = on.createServer((_request, response) => response.writeHead(404).end('framework'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function call(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${origin}${path}`, { redirect: 'manual', ...init });
}

function post(path: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return call(path, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', 'x-token': TOKEN, ...headers },
  });
}

/** The answer to a request line exactly as given: clients mend what this must test. */
function raw(requestLine: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { port } = server.address() as AddressInfo;
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`${requestLine} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n`);
    });
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
    });
    socket.on('close', () => resolve(answer)).on('error', reject);
  });
}

function received() {
  return producer.records.map((record) => {
    if (record.topic !== 'postback.received.v1') throw new Error(`${record.topic} was written`);
    const decoded = decodeEvent(record.topic, record.value);
    if (!decoded.ok) throw new Error(decoded.problem);
    return { ...decoded.value, key: record.key };
  });
}

function clicks() {
  return producer.records.map((record) => {
    if (record.topic !== 'click.recorded.v1') throw new Error(`${record.topic} was written`);
    const decoded = decodeEvent(record.topic, record.value);
    if (!decoded.ok) throw new Error(decoded.problem);
    return { ...decoded.value, key: record.key };
  });
}

function refusedReasons(): string[] {
  return producer.records.map((record) => {
    if (record.topic !== 'postback.refused.v1') throw new Error(`${record.topic} was written`);
    const decoded = decodeEvent(record.topic, record.value);
    if (!decoded.ok) throw new Error(decoded.problem);
    return decoded.value.reasonCode;
  });
}

function topics(): string[] {
  return producer.records.map(({ topic }) => topic);
}

describe('a postback', () => {
  it('is accepted once it is written, with its receipt', async () => {
    const response = await call(
      `/postback/shop?token=${TOKEN}&event=sale&txid=o-1&revenue=9.99&currency=EUR`,
    );
    expect(response.status).toBe(200);
    const body = (await response.json()) as { receiptId: string };
    expect(body).toEqual({ status: 'accepted', receiptId: expect.stringMatching(UUID), warnings: [] });
    expect(response.headers.get('x-receipt-id')).toBe(body.receiptId);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(received()).toMatchObject([
      {
        key: 'acme',
        receiptId: body.receiptId,
        transactionId: 'o-1',
        revenueMicros: 9_990_000n,
        receivedAt: NOW,
      },
    ]);
  });

  it('comes as a form, as JSON, or with parts in the query', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await post('/postback/shop', 'event=sale&txid=o-1', form)).status).toBe(200);
    expect((await post('/postback/shop', '{"event":"sale","txid":9007199254740993}')).status).toBe(200);
    expect((await post('/postback/shop?event=sale', '{"txid":"o-3"}')).status).toBe(200);
    expect((await post('/postback/shop?event=sale&txid=o-4', '')).status).toBe(200);
    expect(received().map(({ transactionId }) => transactionId)).toEqual([
      'o-1',
      '9007199254740993',
      'o-3',
      'o-4',
    ]);
  });

  it('is answered in the words the source expects', async () => {
    const response = await post('/postback/network', '{"event":"lead"}');
    expect(await response.text()).toBe('OK');
    expect(response.headers.get('content-type')).toContain('text/plain');
  });

  it('has the same receipt under the same Idempotency-Key', async () => {
    const key = { 'idempotency-key': 'k-1' };
    const [first, second] = [
      await post('/postback/shop', '{"event":"sale"}', key),
      await post('/postback/shop', '{"event":"sale"}', key),
    ];
    expect(second.headers.get('x-receipt-id')).toBe(first.headers.get('x-receipt-id'));
  });

  it('never keeps the token, not even as an allowed extra', async () => {
    await call(`/postback/shop?token=${TOKEN}&event=sale&note=kept`);
    expect(received()).toMatchObject([{ extras: { note: 'kept' } }]);
    expect(producer.records[0]?.value.toString('latin1')).not.toContain(TOKEN);
  });

  it.each<[string, string, RequestInit, number, string, string | null]>([
    ['an unknown source', '/postback/nobody?event=sale', {}, 404, 'source_unknown', 'source'],
    ['no token', '/postback/shop?event=sale', {}, 401, 'token_missing', 'token'],
    ['a wrong token', '/postback/shop?event=sale&token=x', {}, 403, 'token_invalid', 'token'],
    [
      'another method',
      `/postback/shop?token=${TOKEN}&event=sale`,
      { method: 'DELETE' },
      405,
      'method_not_allowed',
      null,
    ],
    ['no event type', `/postback/shop?token=${TOKEN}`, {}, 400, 'event_type_missing', 'event_type'],
    [
      'a repeated name',
      `/postback/shop?token=${TOKEN}&event=sale&sub1=a&sub1=b`,
      { headers: { 'x-token': TOKEN } },
      400,
      'parameter_repeated',
      'sub1',
    ],
    [
      'bytes that are no UTF-8',
      `/postback/shop?token=${TOKEN}&event=sale&txid=%ff`,
      {},
      400,
      'parameter_malformed',
      'txid',
    ],
    [
      'broken JSON',
      '/postback/shop',
      { method: 'POST', body: '{', headers: { 'content-type': 'application/json', 'x-token': TOKEN } },
      400,
      'body_malformed',
      null,
    ],
    [
      'half a surrogate pair',
      '/postback/shop',
      {
        method: 'POST',
        body: '{"event":"sale","txid":"\\ud800"}',
        headers: { 'content-type': 'application/json', 'x-token': TOKEN },
      },
      400,
      'parameter_malformed',
      'txid',
    ],
    [
      'another content type',
      '/postback/shop',
      { method: 'POST', body: '<a/>', headers: { 'content-type': 'text/xml', 'x-token': TOKEN } },
      415,
      'content_type_unsupported',
      null,
    ],
  ])('is refused for %s, and the refusal is on record', async (_name, path, init, status, code, field) => {
    const response = await call(path, init);
    expect(response.status).toBe(status);
    const body = (await response.json()) as Record<string, unknown>;
    expect(body).toEqual({
      status: 'refused',
      refusalId: expect.stringMatching(UUID),
      code,
      field,
      expected: expect.any(String),
    });
    expect(topics()).toEqual(['postback.refused.v1']);
    expect(producer.records[0]?.value.toString('latin1')).not.toContain(TOKEN);
  });

  it('is refused without a crash when half a surrogate pair stands where nobody looks', async () => {
    expect((await post('/postback/shop', '{"event":"sale","\\udc00":"\\ud800"}')).status).toBe(200);
  });

  it('is not taken while Kafka is away: 503, and when to come again', async () => {
    producer.failure = new DependencyFailure('kafka_unavailable', 'away');
    const response = await post('/postback/shop', '{"event":"sale"}');
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('5');
    expect(await response.json()).toEqual({ code: 'unavailable' });
  });

  it('is answered 500 for a defect of ours, without its words', async () => {
    producer.failure = new Error('secret detail');
    const response = await post('/postback/shop', '{"event":"sale"}');
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({ code: 'internal_error' });
  });
});

describe('a batch', () => {
  const path = '/v1/postbacks?source=shop';

  it('is accepted as a whole when every row is', async () => {
    const response = await post(path, '[{"event":"sale","txid":"a"},{"event":"sale","txid":"b"}]');
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ accepted: 2, refused: 0 });
    expect(received().map(({ transactionId }) => transactionId)).toEqual(['a', 'b']);
  });

  it('answers each row on its own and in order: 207', async () => {
    const lines =
      '{"event":"sale","txid":"a"}\n{broken\n{"event":"sale","revenue":"-1","currency":"EUR"}\n{"event":"lead"}';
    const response = await post(path, lines, { 'content-type': 'application/x-ndjson' });
    expect(response.status).toBe(207);
    const body = (await response.json()) as { rows: { status: string; code?: string }[] };
    expect(body).toMatchObject({ accepted: 2, refused: 2 });
    expect(body.rows.map(({ status, code }) => code ?? status)).toEqual([
      'accepted',
      'body_malformed',
      'amount_negative',
      'accepted',
    ]);
    expect(topics()).toEqual([
      'postback.received.v1',
      'postback.refused.v1',
      'postback.refused.v1',
      'postback.received.v1',
    ]);
  });

  it('takes the source from a header too, and no Idempotency-Key for many rows', async () => {
    const headers = { 'x-source': 'shop', 'idempotency-key': 'k' };
    const response = await post('/v1/postbacks', '[{"event":"sale"},{"event":"sale"}]', headers);
    const { rows } = (await response.json()) as { rows: { receiptId: string }[] };
    expect(new Set(rows.map(({ receiptId }) => receiptId)).size).toBe(2);
  });

  it.each([
    ['of one row', '{"event":"sale"}', 200],
    ['of one bad row', '[{"event":"9"}]', 400],
    ['that is empty', '[]', 400],
    ['that is no JSON', 'x', 400],
  ])('%s is answered like one postback', async (_name, body, status) => {
    expect((await post(path, body)).status).toBe(status);
  });

  it('of an unknown source is refused', async () => {
    expect((await post('/v1/postbacks?source=nobody', '{"event":"sale"}')).status).toBe(404);
    expect((await call('/v1/postbacks?source=shop', { headers: { 'x-token': TOKEN } })).status).toBe(405);
  });

  it('is taken whole or not at all while Kafka is away', async () => {
    producer.failure = new DependencyFailure('kafka_deadline', 'slow');
    expect((await post(path, '[{"event":"sale"},{"event":"sale"}]')).status).toBe(503);
  });
});

describe('the answer a source asks for', () => {
  it('has its status, body and content type', async () => {
    const response = await post('/postback/shop-xml', '{"orders":[{"id":1}]}');
    expect(response.status).toBe(202);
    expect(response.headers.get('content-type')).toBe('application/xml; charset=utf-8');
    expect(response.headers.get('x-receipt-id')).toMatch(UUID);
    expect(await response.text()).toBe('<ok/>');
  });

  it('has no body under 204', async () => {
    const response = await call(`/postback/bare?token=${TOKEN}&event=sale`);
    expect(response.status).toBe(204);
    expect(response.headers.get('content-type')).toBeNull();
    expect(response.headers.get('x-receipt-id')).toMatch(UUID);
    expect((await call(`/postback/bare?token=${TOKEN}`)).status).toBe(400);
  });

  it('is a pixel where that is asked for', async () => {
    const response = await call(`/postback/image?token=${TOKEN}&event=sale`);
    expect(response.headers.get('content-type')).toBe('image/gif');
    expect(Buffer.from(await response.arrayBuffer()).toString('latin1')).toMatch(/^GIF89a/);
  });

  it.each([
    ['status=draft&seconds=60', 'ignored_by_profile'],
    ['seconds=12', 'not_qualified'],
  ])('comes to an ignored call too, which is on record: %s', async (sent, code) => {
    const response = await call(`/postback/ads?token=${TOKEN}&event=sale&${sent}`);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('OK');
    expect(response.headers.get('x-receipt-id')).toBeNull();
    expect(refusedReasons()).toEqual([code]);
    const batch = await post('/v1/postbacks?source=ads', '{"event":"sale","status":"draft"}');
    expect(batch.status).toBe(200);
    expect(await batch.json()).toMatchObject({ status: 'ignored', code: 'ignored_by_profile' });
  });

  it('is the own one for many conversions as long as none is refused', async () => {
    const good = await post('/postback/shop-xml', '{"orders":[{"id":1},{"id":2,"event":"ping"}]}');
    expect([good.status, await good.text()]).toEqual([202, '<ok/>']);
    const mixed = await post('/postback/shop-xml', '{"orders":[{"id":1},{"id":2,"revenue":"x"}]}');
    expect(mixed.status).toBe(207);
    expect(await mixed.json()).toMatchObject({
      accepted: 1,
      ignored: 0,
      refused: 1,
      rows: [{ status: 'accepted' }, { status: 'refused', code: 'amount_malformed', field: 'revenue' }],
    });
    expect(topics().filter((topic) => topic === 'postback.received.v1')).toHaveLength(2);
  });

  it('gives every conversion of a call its own receipt, also under one Idempotency-Key', async () => {
    const body = '{"idempotency_key":"k","orders":[{"id":1},{"id":2}]}';
    await post('/postback/shop-xml', body, { 'idempotency-key': 'h' });
    await post('/postback/shop-xml', body, { 'idempotency-key': 'h' });
    const receipts = received().map(({ receiptId }) => receiptId);
    expect(new Set(receipts).size).toBe(2);
    expect(receipts.slice(0, 2)).toEqual(receipts.slice(2));
  });

  it('is read in the charset of the source, escaped or as bare bytes', async () => {
    const text = await raw(`GET /postback/shop-xml?token=${TOKEN}&orders=[{}]&note=%CF%F0`);
    expect(text).toMatch(/^HTTP\/1.1 202/);
    const form = { 'content-type': 'application/x-www-form-urlencoded', 'x-token': TOKEN };
    const bytes = Buffer.concat([Buffer.from('orders=[{}]&note='), Buffer.from([0xcf, 0xf0])]);
    expect((await call('/postback/shop-xml', { method: 'POST', body: bytes, headers: form })).status).toBe(
      202,
    );
    expect(received().map(({ extras }) => extras)).toEqual([{ note: 'Пр' }, { note: 'Пр' }]);
  });
});

describe('a postback from a browser', () => {
  it.each([
    ['pixel', 'image/gif', /^GIF89a/],
    ['iframe', 'text/html; charset=utf-8', /^<!doctype html>/],
  ])('by %s is answered 200 whatever becomes of it', async (kind, contentType, content) => {
    const calls = [`token=${TOKEN}&event=sale&txid=o-1`, `token=${TOKEN}&event=9`, 'event=sale'];
    for (const [index, search] of calls.entries()) {
      const response = await call(`/${kind}/shop?${search}`);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe(contentType);
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(await response.text()).toMatch(content);
      expect(response.headers.has('x-receipt-id')).toBe(index === 0);
    }
    expect((await call(`/${kind}/nobody?event=sale`)).status).toBe(200);
    expect(topics()).toEqual(['postback.received.v1', ...Array<string>(3).fill('postback.refused.v1')]);
  });

  it('shows that nothing was written', async () => {
    producer.failure = new DependencyFailure('kafka_unavailable', 'away');
    expect((await call(`/pixel/shop?token=${TOKEN}&event=sale`)).status).toBe(503);
  });
});

describe('a CSV file', () => {
  it('is answered line by line', async () => {
    const csv = { 'content-type': 'text/csv' };
    const text = 'event;txid;sum;currency\nsale;o-1;1;EUR\n\nsale;o-2;x;EUR\nsale;"o-3;1\n';
    const response = await post('/v1/postbacks?source=shop', text, csv);
    expect(response.status).toBe(207);
    expect(await response.json()).toMatchObject({
      accepted: 1,
      refused: 2,
      rows: [
        { line: 2, status: 'accepted' },
        { line: 4, code: 'amount_malformed', field: 'sum' },
        { line: 5, code: 'body_malformed' },
      ],
    });
    expect(topics()).toHaveLength(3);
  });
});

/** Every row is one call to the source `shop`, and the only answer it may have. */
const HOSTILE: readonly (readonly [string, Hostile, string])[] = [
  ['a parameter twice', { search: 'event=sale&event=lead' }, 'parameter_repeated'],
  ['a parameter twice, once escaped', { search: 'event=sale&%65vent=lead' }, 'parameter_repeated'],
  ['a parameter in query and form', { search: 'event=sale', form: 'event=lead' }, 'parameter_repeated'],
  ['a parameter in query and JSON', { search: 'event=sale', json: '{"event":"lead"}' }, 'parameter_repeated'],
  ['a JSON name twice', { json: '{"event":"sale","revenue":1,"revenue":2}' }, 'parameter_repeated'],
  [
    'a JSON name twice, once escaped',
    { json: '{"event":"sale","\\u0065vent":"lead"}' },
    'parameter_repeated',
  ],
  ['an empty name', { search: 'event=sale&=x' }, 'accepted'],
  ['two empty names', { search: 'event=sale&=x&=y' }, 'parameter_repeated'],
  ['only signs', { search: '&&&===&' }, 'event_type_missing'],
  ['prototype keys', { search: 'event=sale&__proto__=x&constructor=y&prototype=z' }, 'accepted'],
  ['prototype keys in brackets', { search: 'event=sale&__proto__[event]=x&a[constructor][b]=y' }, 'accepted'],
  ['prototype keys in JSON', { json: '{"event":"sale","__proto__":{"clickId":"x"}}' }, 'accepted'],
  ['an event type of the prototype', { search: 'event=constructor' }, 'accepted'],
  ['NUL', { search: 'event=sale&txid=a%00b' }, 'parameter_malformed'],
  ['NUL in JSON', { json: '{"event":"sale","txid":"a\\u0000b"}' }, 'parameter_malformed'],
  ['a control character', { search: 'event=sale&sub1=a%1bb' }, 'parameter_malformed'],
  ['NUL where nobody looks', { search: 'event=sale&unknown=%00' }, 'accepted'],
  ['half a surrogate pair', { json: '{"event":"sale","txid":"\\ud800"}' }, 'parameter_malformed'],
  ['half a surrogate pair as bytes', { search: 'event=sale&txid=%ed%a0%80' }, 'parameter_malformed'],
  ['overlong UTF-8', { search: 'event=sale&txid=%c0%af' }, 'parameter_malformed'],
  ['U+FFFD', { search: 'event=sale&txid=%ef%bf%bd' }, 'parameter_malformed'],
  ['a broken escape', { search: 'event=sale&txid=%zz' }, 'accepted'],
  ['a lone percent sign', { search: 'event=sale&txid=100%' }, 'accepted'],
  ['a broken escape beside bytes', { search: 'event=sale&txid=%zz%ff' }, 'parameter_malformed'],
  ['a header in a value', { search: 'event=sale&txid=a%0d%0aSet-Cookie:%20b' }, 'parameter_malformed'],
  ['1e400', { search: 'event=sale&currency=EUR&revenue=1e400' }, 'amount_malformed'],
  ['1e400 in JSON', { json: '{"event":"sale","currency":"EUR","revenue":1e400}' }, 'amount_malformed'],
  [
    'more than a float holds',
    { json: '{"event":"sale","currency":"EUR","revenue":9007199254.740993}' },
    'accepted',
  ],
  [
    'more than money holds',
    { json: '{"event":"sale","currency":"EUR","revenue":9007199254740993.01}' },
    'amount_malformed',
  ],
  ['seven decimals', { search: 'event=sale&currency=EUR&revenue=1.0000000' }, 'amount_malformed'],
  ['NaN', { search: 'event=sale&currency=EUR&revenue=NaN' }, 'amount_malformed'],
  ['60,000 digits', { form: `event=sale&currency=EUR&revenue=${'9'.repeat(6e4)}` }, 'parameter_too_long'],
  ['1970', { search: 'event=sale&time=1970-01-01T00:00:00Z' }, 'time_out_of_range'],
  ['2200', { search: 'event=sale&time=2200-01-01T00:00:00Z' }, 'time_out_of_range'],
  ['31 February', { search: 'event=sale&time=2025-02-31' }, 'time_malformed'],
  ['seconds since 1970 nobody announced', { search: 'event=sale&time=1767323045' }, 'time_malformed'],
  ['17 levels', { json: `{"event":"sale","a":${'['.repeat(16)}${']'.repeat(16)}}` }, 'nesting_too_deep'],
  ['30,000 levels', { json: `{"a":${'['.repeat(3e4)}${']'.repeat(3e4)}}` }, 'nesting_too_deep'],
  ['10,000 levels that never end', { json: '[{"a":'.repeat(1e4) }, 'nesting_too_deep'],
  [
    '5,000 parameters',
    { form: Array.from({ length: 5e3 }, (_, n) => `p${n}=1`).join('&') },
    'parameters_too_many',
  ],
  ['10,000 values', { json: `{"a":[${Array(1e4).fill(1).join(',')}]}` }, 'parameters_too_many'],
  ['10,000 ampersands', { form: `event=sale${'&'.repeat(1e4)}` }, 'accepted'],
  ['10,000 brackets in a name', { form: `event=sale&a${'[b]'.repeat(1e4)}=x` }, 'accepted'],
  ['a name of 60,000 characters', { form: `event=sale&${'n'.repeat(6e4)}=x` }, 'accepted'],
  ['an object for a text', { json: '{"event":{"a":"sale"}}' }, 'event_type_missing'],
  ['a list for a text', { json: '{"event":["sale"]}' }, 'event_type_missing'],
  ['a token that is an object', { json: '{"event":"sale","token":{"a":1}}' }, 'accepted'],
  ['an empty list', { json: '[]' }, 'batch_empty'],
  ['nothing', { json: 'null' }, 'body_malformed'],
];

interface Hostile {
  readonly search?: string;
  readonly form?: string;
  readonly json?: string;
}

describe('a hostile call', () => {
  it.each(HOSTILE)(
    'with %s is answered, and on record',
    async (_name, { search = '', form, json }, answer) => {
      const body = form ?? json;
      const contentType = json === undefined ? 'application/x-www-form-urlencoded' : 'application/json';
      const headers = { 'x-token': TOKEN, 'content-type': contentType };
      const init: RequestInit = body === undefined ? { headers } : { method: 'POST', headers, body };
      const response = await call(`/postback/shop?${search}`, init);
      const told = (await response.json()) as { status: string; code?: string };
      expect(told.code ?? told.status).toBe(answer);
      expect(response.status).toBe(answer === 'accepted' ? 200 : 400);
      expect(topics()).toEqual([answer === 'accepted' ? 'postback.received.v1' : 'postback.refused.v1']);
      expect(Object.prototype).not.toHaveProperty('clickId');
    },
  );
});

describe('a redirect', () => {
  it("goes to the campaign's own page with the click id, uncached", async () => {
    const response = await call('/c/spring?sub1=a%20b&partner_click_id=p%261&fbclid=IwAR', {
      headers: { referer: 'https://blog.example/', 'user-agent': 'Test' },
    });
    const [click] = clicks();
    expect(response.status).toBe(302);
    expect(response.headers.get('location')).toBe(
      `https://shop.example/land?c=${click?.clickId}&s=a%20b&p=p%261#top`,
    );
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-click-id')).toBe(click?.clickId);
    expect(click).toMatchObject({
      key: click?.clickId,
      campaignId: 'spring',
      advertiserId: 'acme',
      partnerId: 'blog',
      partnerClickId: 'p&1',
      kind: 'redirect',
      clickedAt: NOW,
      referrer: 'https://blog.example/',
      userAgent: 'Test',
      adPlatformIds: [{ name: 'fbclid', value: 'IwAR', firstSeenAt: NOW }],
    });
    expect(click?.clickId).toMatch(UUID);
  });

  it('appends the click id where the page has no place for it', async () => {
    const response = await call('/c/plain');
    expect(response.headers.get('location')).toBe(
      `https://shop.example/land?a=b&click_id=${clicks()[0]?.clickId}#top`,
    );
  });

  it('takes no click id from the URL', async () => {
    await call('/c/spring?click_id=019b7c0a-1c88-7000-8000-000000000001');
    expect(clicks()[0]?.clickId).not.toBe('019b7c0a-1c88-7000-8000-000000000001');
  });

  it.each([
    'nowhere',
    'paused',
    'orphan',
    '',
    '%2e%2e',
    'spring%00',
    'spring/',
    '/spring',
    '%',
    '%ff',
    '__proto__',
    'constructor',
  ])('of campaign %j goes nowhere: 404', async (campaign) => {
    const response = await call(`/c/${campaign}?url=https://evil.example`);
    expect(response.status).toBe(404);
    expect(response.headers.get('location')).toBeNull();
    expect(topics()).toEqual([]);
  });

  it('answers other methods 405', async () => {
    const response = await call('/c/spring', { method: 'POST', body: 'x' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
  });

  it.each([
    'url=https://evil.example',
    'redirect=//evil.example',
    'landing_url=https://evil.example',
    'sub1=https://evil.example',
    'sub1=//evil.example&partner_click_id=@evil.example',
    'sub1=/%5c%5cevil.example',
    'sub1=%0d%0aLocation:%20https://evil.example',
    'partner_click_id=%0d%0a%0d%0a%3cscript%3e',
    'sub1=%00%07%7f',
    'sub1=%ff%fe',
    'sub1=%ed%a0%80',
    'sub1=%',
    'sub1=%zz',
    'sub1=%f0%9f%9b%92&sub99=x&sub0=y',
    'constructor=x&__proto__=y',
  ])('never leaves the campaign for %s', async (query) => {
    const answer = await raw(`GET /c/spring?${query}`);
    expect(answer).toMatch(/^HTTP\/1\.1 302 /);
    const locations = answer.split('\r\n\r\n')[0]?.match(/^location: (.*)$/gim) ?? [];
    expect(locations).toHaveLength(1);
    expect(new URL(locations[0]?.slice('location: '.length) ?? '').host).toBe('shop.example');
  });

  it.each([
    'GET //evil.com',
    'GET //evil.com/c/spring',
    'GET /\\evil.com',
    'GET http://evil.com/c/spring',
    'GET /c//evil.com',
    'GET /c/..//evil.com',
  ])('%s leads nowhere', async (requestLine) => {
    const answer = await raw(requestLine);
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    expect(answer).not.toMatch(/^location:/im);
  });
});

describe('a direct click', () => {
  it('is accepted once it is written', async () => {
    const clickId = '019B7C0A-1C88-7000-8000-000000000009';
    const body = {
      campaign: 'spring',
      click_id: clickId,
      landing_url: 'https://shop.example/x',
      sub1: 7,
      test: true,
    };
    const response = await post('/v1/clicks', JSON.stringify(body));
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      clickId: clickId.toLowerCase(),
      status: 'accepted',
      warnings: [],
    });
    expect(clicks()).toMatchObject([
      {
        clickId: clickId.toLowerCase(),
        kind: 'direct',
        landingUrl: 'https://shop.example/x',
        subIds: { sub1: '7' },
        isTest: true,
      },
    ]);
  });

  it('mints the id of a click that has none', async () => {
    const response = await post('/v1/clicks', '{"campaign":"spring"}');
    expect(await response.json()).toEqual({
      clickId: expect.stringMatching(UUID),
      status: 'accepted',
      warnings: [],
    });
  });

  it.each([
    ['2026-01-02T03:00:00Z', Date.UTC(2026, 0, 2, 3)],
    ['2026-01-02T03:00:00', Date.UTC(2026, 0, 2, 3)],
    ['2026-01-02T04:00:00+01:00', Date.UTC(2026, 0, 2, 3)],
    [new Date(NOW + 60_000).toISOString(), NOW + 60_000],
    [new Date(NOW - 30 * 86_400_000).toISOString(), NOW - 30 * 86_400_000],
  ])('happened at %s', async (text, clickedAt) => {
    expect((await post('/v1/clicks', JSON.stringify({ campaign: 'spring', clicked_at: text }))).status).toBe(
      200,
    );
    expect(clicks()).toMatchObject([{ clickedAt, receivedAt: NOW }]);
  });

  it.each([
    ['[]', 'body_malformed', null],
    ['x', 'body_malformed', null],
    ['', 'body_malformed', null],
    ['{}', 'campaign_unknown', 'campaign'],
    ['{"campaign":"nowhere"}', 'campaign_unknown', 'campaign'],
    ['{"campaign":"spring","click_id":"x"}', 'click_id_malformed', 'click_id'],
    ['{"campaign":"spring","clicked_at":"yesterday"}', 'time_out_of_range', 'clicked_at'],
    ['{"campaign":"spring","clicked_at":"Jan 2 2026"}', 'time_out_of_range', 'clicked_at'],
    ['{"campaign":"spring","clicked_at":"2026-01-03T00:00:00Z"}', 'time_out_of_range', 'clicked_at'],
    ['{"campaign":"spring","clicked_at":"2025-12-03T00:00:00Z"}', 'time_out_of_range', 'clicked_at'],
  ])('%s is refused: %s', async (body, code, field) => {
    const response = await post('/v1/clicks', body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code, field });
    expect(topics()).toEqual([]);
  });

  it('is not taken while Kafka is away', async () => {
    producer.failure = new DependencyFailure('kafka_unavailable', 'away');
    const response = await post('/v1/clicks', '{"campaign":"spring"}');
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
  });
});

describe('a receipt', () => {
  const shown = `/v1/receipts/${JUDGED.receiptId}`;
  const asked = async (path: string, headers: Record<string, string> = { 'x-token': TOKEN }) => {
    const response = await call(path, { headers });
    return { status: response.status, body: (await response.json()) as unknown };
  };

  it('is shown with its verdict to whoever posts for its source', async () => {
    expect(await asked(shown)).toEqual({
      status: 200,
      body: {
        status: 'accepted',
        receiptId: JUDGED.receiptId,
        sourceId: 'shop',
        receivedAt: '2026-01-02T03:04:05.000Z',
        verdict: 'counted',
        reasonCode: null,
        judgedAt: '2026-01-02T03:04:05.900Z',
        conversion: JUDGED.conversion,
      },
    });
    expect(waits).toEqual([0]);
    expect(
      await asked(`${shown.toUpperCase().replace('/V1/RECEIPTS', '/v1/receipts')}?token=${TOKEN}`, {}),
    ).toMatchObject({ status: 200 });
  });

  it.each([
    ['500ms', 500],
    ['2s', 2_000],
    ['10s', 10_000],
    ['0s', 0],
  ])('is waited for as long as asked: %s', async (wait, waitMs) => {
    expect(await asked(`${shown}?wait=${wait}`)).toMatchObject({ status: 200 });
    expect(waits).toEqual([waitMs]);
  });

  it.each(['11s', '2', '-1s', '1e3s', '', '2m', '99999999s', 'NaN'])('is not waited for %j', async (wait) => {
    expect(await asked(`${shown}?wait=${wait}`)).toMatchObject({
      status: 400,
      body: { code: 'wait_malformed', field: 'wait' },
    });
    expect(waits).toEqual([]);
  });

  it('is unknown to everybody else', async () => {
    const unknown = { status: 404, body: { code: 'receipt_unknown', field: 'receipt' } };
    expect(await asked(shown, { 'x-token': 'of-another-source' })).toMatchObject(unknown);
    expect(await asked('/v1/receipts/019b7c40-0000-7000-8000-000000000002')).toMatchObject(unknown);
    expect(await asked('/v1/receipts/%27%20OR%201=1')).toMatchObject(unknown);
    expect(await asked(shown, {})).toMatchObject({ status: 401, body: { code: 'token_missing' } });
  });

  it('cannot be told while ClickHouse is away', async () => {
    storeFailure = new DependencyFailure('clickhouse_unavailable', 'away');
    expect(await asked(shown)).toMatchObject({ status: 503, body: { code: 'unavailable' } });
  });

  it('is only read', async () => {
    const response = await call(shown, { method: 'DELETE' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET']);
  });
});

describe('limits', () => {
  it('a URL that is too long is answered 414', async () => {
    const query = 'x'.repeat(8_192);
    for (const path of ['/c/spring', '/postback/shop', '/v1/postbacks']) {
      const response = await call(`${path}?${query}`);
      expect([response.status, await response.json()]).toEqual([414, { code: 'url_too_long' }]);
    }
    expect(topics()).toEqual([]);
  });

  it.each([
    ['/postback/shop', MAX_CALL_BYTES],
    ['/v1/postbacks?source=shop', MAX_BATCH_BYTES],
    ['/v1/clicks', MAX_CALL_BYTES],
  ])(
    'a body for %s of more than %d bytes is answered 413, announced or not, and the connection lives on',
    async (path, maxBytes) => {
      const body = 'x'.repeat(maxBytes + 1);
      const announced = await post(path, body);
      expect(announced.status).toBe(413);
      expect(await announced.json()).toMatchObject({ code: 'body_too_large' });
      const streamed = await fetch(`${origin}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-token': TOKEN },
        body: new Blob([body]).stream(),
        duplex: 'half',
      } as RequestInit);
      expect(streamed.status).toBe(413);
      expect((await call('/c/spring')).status).toBe(302);
    },
  );

  it.each(['/postback/shop', '/v1/postbacks?source=shop', '/v1/clicks'])(
    'a compressed body for %s is not read: a few bytes can stand for gigabytes',
    async (path) => {
      const bomb = gzipSync(Buffer.alloc(MAX_CALL_BYTES * 100));
      const response = await call(path, {
        method: 'POST',
        body: bomb,
        headers: { 'content-type': 'application/json', 'content-encoding': 'gzip', 'x-token': TOKEN },
      });
      expect(response.status).toBe(415);
      expect(await response.json()).toMatchObject({
        code: 'content_type_unsupported',
        field: 'Content-Encoding',
      });
    },
  );

  it('answers 413 before a sender that never ends has ended', async () => {
    const outgoing = request(`${origin}/v1/clicks`, { method: 'POST' });
    outgoing.on('error', () => undefined);
    const answered = once(outgoing, 'response');
    const chunk = Buffer.alloc(256 * 1024, 'x');
    const writing = setInterval(() => outgoing.write(chunk), 1);
    const [response] = await answered;
    clearInterval(writing);
    outgoing.destroy();
    expect(response.statusCode).toBe(413);
  });

  it('lets a sender finish that writes everything before it reads', async () => {
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    let answers = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      answers += text;
    });
    const body = Buffer.alloc(32 * 1024 * 1024, 'x');
    socket.write(`POST /v1/clicks HTTP/1.1\r\nHost: edge\r\nContent-Length: ${body.length}\r\n\r\n`);
    await new Promise((resolve, reject) =>
      socket.write(body, (error) => (error ? reject(error) : resolve(null))),
    );
    socket.write('GET /c/spring HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n');
    await once(socket, 'close');
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 413', 'HTTP/1.1 302']);
  });

  it('a body of exactly the largest size is read', async () => {
    const note = 'x'.repeat(MAX_CALL_BYTES - '{"campaign":"spring","a":""}'.length);
    expect((await post('/v1/clicks', `{"campaign":"spring","a":"${note}"}`)).status).toBe(200);
  });
});

it('answers 503 until it is open, and leaves other paths to the framework', async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await listen(new HttpEdge(logger));
  expect((await call('/postback/shop')).status).toBe(503);
  const other = await call('/health/live');
  expect([other.status, await other.text()]).toEqual([404, 'framework']);
});

describe('the drain', () => {
  it('answers what is in flight and what still comes, each with the end of its connection', async () => {
    let acknowledge: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      acknowledge = resolve;
    });
    const produce = producer.produce.bind(producer);
    producer.produce = async (records) => {
      await held;
      return produce(records);
    };
    const inFlight = post('/postback/shop', '{"event_type":"lead"}');
    await expect.poll(() => server.listening).toBe(true);
    edge.drain();
    const late = post('/postback/shop', '{"event_type":"sale","revenue":"1","currency":"EUR"}');
    acknowledge();
    for (const response of await Promise.all([inFlight, late])) {
      expect(response.status).toBe(200);
      expect(response.headers.get('connection')).toBe('close');
    }
    expect(producer.records).toHaveLength(2);
  });

  it('leaves connections open before', async () => {
    expect((await call('/c/spring')).headers.get('connection')).toBe('keep-alive');
  });
});

describe('the log', () => {
  const CANARY = 'canary4711';

  it('says of each click and postback what it was, and nothing a stranger wrote', async () => {
    const lines: string[] = [];
    const log = createLogger('edge-test', 'info', { write: (line) => lines.push(line) });
    edge.open(endpoints(log));
    await call(`/c/spring?sub1=${CANARY}&fbclid=${CANARY}`, { headers: { 'user-agent': CANARY } });
    const sale = { revenue: '1', currency: 'EUR', email: `${CANARY}@example.com`, click_id: CANARY };
    await post('/postback/shop', JSON.stringify({ ...sale, event_type: 'sale', transaction_id: CANARY }));
    await post('/postback/shop', JSON.stringify({ [CANARY]: '1', revenue: CANARY, event_type: 'sale' }));
    await call(`/postback/${CANARY}?token=${CANARY}`);
    expect(lines.join('')).not.toContain(CANARY);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { msg: 'click.recorded', kind: 'redirect', campaignId: 'spring', offerId: 'shoes', partnerId: 'blog' },
      { msg: 'postback.accepted', sourceId: 'shop', eventType: 'sale', clickId: null, partition: 0 },
      { msg: 'postback.refused', sourceId: 'shop', reasonCode: 'amount_malformed' },
      { msg: 'postback.refused', sourceId: null, reasonCode: 'source_unknown' },
    ]);
  });
});
