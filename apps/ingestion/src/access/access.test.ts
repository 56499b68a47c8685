/** Who may post, over real HTTP: every proof alone and together, what is forged, replayed or too much, and what is written of it. */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { aChange, Configuration } from '@tributary/configuration';
import type { PostbackReceived, PostbackRefused } from '@tributary/contracts';
import { createLogger, DependencyFailure, Encryption } from '@tributary/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endpointsOver } from '../edge/endpoints.fixture.ts';
import { HttpEdge } from '../edge/http-edge.ts';
import { RecordingProducer } from '../edge/recording-producer.fixture.ts';
import { InMemoryReplayMemory, type ReplayMemory } from './replay-memory.ts';
import { canonicalCall } from './signature.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const TOKEN = 'the-secret-token-of-the-shop';
const SECRET = 'the-signing-secret-of-the-shop-01';
const NEXT_SECRET = 'the-signing-secret-that-is-next-02';
const NONCE = 'nonce-0123456789';
const encryption = new Encryption(randomBytes(32).toString('base64'));
const logger = createLogger('access-test', 'silent');
const HASHES = { tokenHashes: [createHash('sha256').update(TOKEN).digest('hex')] };

class PostbackLog extends RecordingProducer {
  get received(): PostbackReceived[] {
    return this.of('postback.received.v1');
  }

  get refused(): PostbackRefused[] {
    return this.of('postback.refused.v1');
  }
}

type Secrets = Readonly<Record<string, string>>;

const SOURCES: Readonly<Record<string, { document: object; secrets?: Secrets }>> = {
  token: { document: { ...HASHES, allowedExtras: ['x_nonce', 'x_signature', 'note'] } },
  signed: { document: {}, secrets: { 'signing.first': SECRET } },
  rotating: { document: {}, secrets: { 'signing.first': SECRET, 'signing.second': NEXT_SECRET } },
  both: { document: HASHES, secrets: { 'signing.first': SECRET } },
  either: {
    document: { ...HASHES, authentication: { signature: false } },
    secrets: { 'signing.first': SECRET },
  },
  unproved: { document: {} },
  opened: { document: { authentication: { token: false, signature: false } } },
  listed: { document: { authentication: { token: false }, allowedAddresses: ['203.0.113.0/24'] } },
  secure: { document: { ...HASHES, requiresHttps: true } },
  slow: { document: { ...HASHES, ratePerSecond: 2, rateBurst: 3 } },
  keyless: { document: { authentication: { signature: true } } },
};

function configured(): Configuration {
  const configuration = new Configuration();
  for (const [offset, [id, { document, secrets = {} }]] of Object.entries(SOURCES).entries()) {
    const sealed = Object.entries(secrets).map(([name, secret]) => [
      name,
      encryption.encryptSecret(secret, `source:${id}:${name}`),
    ]);
    const change = aChange(
      'source',
      { id, advertiserId: 'acme', name: id, ...document },
      { secrets: Object.fromEntries(sealed) },
    );
    if (configuration.apply(offset, change).outcome !== 'applied') throw new Error(`${id} is void`);
  }
  return configuration;
}

let configuration: Configuration;
let producer: PostbackLog;
let monotonicMs: number;
let now: number;
const servers: Server[] = [];

beforeEach(() => {
  configuration = configured();
  producer = new PostbackLog();
  monotonicMs = 0;
  now = NOW;
});

afterEach(() => {
  for (const server of servers.splice(0)) server.closeAllConnections();
});

const aMemory = () => new InMemoryReplayMemory(() => now, { nonce: 600_000, idempotency_key: 86_400_000 });

/** One instance of ingestion; they share nothing but the configuration and Kafka. */
async function anInstance(memory: ReplayMemory = aMemory(), proxyDepth = 0): Promise<string> {
  const edge = new HttpEdge(logger);
  edge.open(
    endpointsOver({
      ...{ configuration, encryption, producer, memory, proxyDepth, logger },
      now: () => now,
      monotonicMs: () => monotonicMs,
    }),
  );
  const server = edge.createServer((_request, response) => response.writeHead(404).end());
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Sent {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Record<string, string>;
  readonly secret?: string;
  readonly nonce?: string;
  readonly at?: number;
}

/** A call as a sender would sign it. */
function sign(target: string, { method = 'GET', body = '', secret = SECRET, nonce = NONCE, at = now }: Sent) {
  const timestamp = String(Math.floor(at / 1_000));
  const text = canonicalCall({ method, target, body: Buffer.from(body) }, timestamp, nonce);
  const signature = `v1=${createHmac('sha256', secret).update(text).digest('hex')}`;
  return { 'x-signature': signature, 'x-timestamp': timestamp, 'x-nonce': nonce };
}

async function call(origin: string, target: string, { method = 'GET', body, headers = {} }: Sent = {}) {
  const init = body === undefined ? { method, headers } : { method, headers, body };
  const response = await fetch(`${origin}${target}`, init);
  const answer = (await response.json()) as { code?: string; receiptId?: string; refusalId?: string | null };
  return { ...answer, status: response.status, retryAfter: response.headers.get('retry-after') };
}

const signedCall = (origin: string, target: string, sent: Sent = {}) =>
  call(origin, target, { ...sent, headers: { ...sign(target, sent), ...sent.headers } });

describe('a token', () => {
  it.each<[string, string, Record<string, string>]>([
    ['in the path', `/postback/token/${TOKEN}?event=lead`, {}],
    ['in the query', `/postback/token?token=${TOKEN}&event=lead`, {}],
    ['as a bearer', '/postback/token?event=lead', { authorization: `Bearer ${TOKEN}` }],
    ['in its header', '/postback/token?event=lead', { 'x-token': TOKEN }],
  ])('%s proves the source, and is kept nowhere', async (_name, target, headers) => {
    expect(await call(await anInstance(), target, { headers })).toMatchObject({ status: 200 });
    expect(producer.received).toMatchObject([{ authenticatedBy: ['token'], nonceHash: null }]);
    expect(producer.records[0]?.value.toString('latin1')).not.toContain(TOKEN);
  });

  it.each([
    ['/postback/token/wrong-token?event=lead', 403, 'token_invalid'],
    ['/postback/token/?event=lead', 401, 'token_missing'],
    [`/postback/token/${TOKEN}/more?event=lead`, 403, 'token_invalid'],
    [`/postback/unproved/${TOKEN}?event=lead`, 403, 'token_invalid'],
    ['/postback/unproved?event=lead', 401, 'token_missing'],
    ['/postback/opened?event=lead', 401, 'token_missing'],
  ])('%s is refused: %d %s', async (target, status, code) => {
    expect(await call(await anInstance(), target)).toMatchObject({ status, code });
    expect(producer.refused).toMatchObject([{ reasonCode: code }]);
    expect(producer.records[0]?.value.toString('latin1')).not.toContain(TOKEN);
  });
});

describe('a signature', () => {
  it('in the headers of a GET, a form, JSON and a batch proves the source', async () => {
    const origin = await anInstance();
    const json = { 'content-type': 'application/json' };
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const sent: [string, Sent][] = [
      ['/postback/signed?txid=o-1&event=sale', { nonce: 'nonce-00000000000001' }],
      [
        '/postback/signed',
        { method: 'POST', body: 'event=sale&txid=o-2', headers: form, nonce: 'nonce-00000000000002' },
      ],
      [
        '/postback/signed',
        {
          method: 'POST',
          body: '{"event":"sale", "txid":"ö"}',
          headers: json,
          nonce: 'nonce-00000000000003',
        },
      ],
      [
        '/v1/postbacks?source=signed',
        {
          method: 'POST',
          body: '[{"event":"sale"},{"event":"lead"}]',
          headers: json,
          nonce: 'nonce-00000000000004',
        },
      ],
    ];
    for (const [target, each] of sent)
      expect(await signedCall(origin, target, each)).toMatchObject({ status: 200 });
    expect(producer.received.map(({ authenticatedBy }) => authenticatedBy.join())).toEqual(
      Array(5).fill('hmac'),
    );
    expect(new Set(producer.received.map(({ receiptId }) => receiptId)).size).toBe(5);
  });

  it('in the query proves the source, and is no part of the content', async () => {
    const unsigned = `/postback/signed?event=lead&x_timestamp=${NOW / 1_000}&x_nonce=${NONCE}`;
    const { 'x-signature': signature } = sign(unsigned, {});
    const origin = await anInstance();
    const first = await call(origin, `${unsigned}&x_signature=${signature}`);
    const second = await signedCall(origin, '/postback/signed?event=lead');
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(second.receiptId).toBe(first.receiptId);
    const [one, other] = producer.received;
    expect(one?.contentDigest).toBe(other?.contentDigest);
    expect(one?.rawCall).not.toContain(signature);
  });

  it('by either of two secrets is good while they are rotated', async () => {
    const origin = await anInstance();
    const target = '/postback/rotating?event=lead';
    expect(await signedCall(origin, target, { secret: NEXT_SECRET })).toMatchObject({ status: 200 });
    expect(await signedCall(origin, target, { nonce: 'nonce-of-the-old-one' })).toMatchObject({
      status: 200,
    });
  });

  it.each<[string, string, Sent, number, string]>([
    ['no signature', 'signed', { headers: { 'x-signature': '' } }, 401, 'signature_missing'],
    ['another secret', 'signed', { secret: NEXT_SECRET }, 401, 'signature_invalid'],
    ['an empty secret', 'keyless', { secret: '' }, 401, 'signature_invalid'],
    ['no secret at the source', 'keyless', {}, 401, 'signature_invalid'],
    ['a clock behind', 'signed', { at: NOW - 301_000 }, 401, 'signature_expired'],
    ['a clock ahead', 'signed', { at: NOW + 301_000 }, 401, 'signature_expired'],
    ['no nonce', 'signed', { headers: { 'x-nonce': '' } }, 401, 'nonce_missing'],
    ['a short nonce', 'signed', { nonce: 'short' }, 401, 'nonce_malformed'],
    ['no time', 'signed', { headers: { 'x-timestamp': '' } }, 401, 'timestamp_malformed'],
    ['a token beside it that is missing', 'both', {}, 401, 'token_missing'],
    ['a token beside it that is wrong', 'both', { headers: { 'x-token': 'x' } }, 403, 'token_invalid'],
  ])('with %s is refused', async (_name, source, sent, status, code) => {
    const answer = await signedCall(await anInstance(), `/postback/${source}?event=lead`, sent);
    expect(answer).toMatchObject({ status, code });
    expect(producer.received).toEqual([]);
    expect(producer.refused).toMatchObject([{ reasonCode: code }]);
  });

  it('of other parameters or another body than came is refused', async () => {
    const origin = await anInstance();
    const headers = sign('/postback/signed?event=lead&txid=1', {});
    expect(await call(origin, '/postback/signed?event=lead&txid=2', { headers })).toMatchObject({
      code: 'signature_invalid',
    });
    const post = { method: 'POST', body: '{"event":"lead"}' };
    const signed = { ...sign('/postback/signed', post), 'content-type': 'application/json' };
    expect(
      await call(origin, '/postback/signed', { ...post, body: '{"event":"sale"}', headers: signed }),
    ).toMatchObject({ code: 'signature_invalid' });
    expect(producer.received).toEqual([]);
  });

  it('is asked for beside the token where the source has both, and both are on record', async () => {
    const origin = await anInstance();
    const target = '/postback/both?event=lead';
    const headers = { 'x-token': TOKEN };
    expect(await call(origin, target, { headers })).toMatchObject({ code: 'signature_missing' });
    expect(await signedCall(origin, target, { headers })).toMatchObject({ status: 200 });
    expect(producer.received).toMatchObject([{ authenticatedBy: ['token', 'hmac'] }]);
  });

  it('that is not asked for is judged all the same when it is there', async () => {
    const origin = await anInstance();
    const target = '/postback/either?event=lead';
    const headers = { 'x-token': TOKEN };
    expect(await call(origin, target, { headers })).toMatchObject({ status: 200 });
    expect(await signedCall(origin, target, { headers, secret: NEXT_SECRET })).toMatchObject({
      code: 'signature_invalid',
    });
    expect(await signedCall(origin, target, { headers })).toMatchObject({ status: 200 });
    expect(producer.received.map(({ nonceHash }) => nonceHash !== null)).toEqual([false, true]);
  });

  it('under a secret that no key decrypts opens nothing', async () => {
    const secrets = { 'signing.first': encryption.encryptSecret(SECRET, 'source:another:signing.first') };
    const document = { id: 'moved', advertiserId: 'acme', name: 'Moved' };
    configuration.apply(100, aChange('source', document, { secrets }));
    const origin = await anInstance();
    expect(await call(origin, '/postback/moved?event=lead')).toMatchObject({ code: 'signature_missing' });
    expect(await signedCall(origin, '/postback/moved?event=lead')).toMatchObject({
      code: 'signature_invalid',
    });
  });

  it('is refused from the next change on that takes its secret away', async () => {
    const origin = await anInstance();
    expect(await signedCall(origin, '/postback/signed?event=lead')).toMatchObject({ status: 200 });
    const name = 'signing.second';
    const secrets = { [name]: encryption.encryptSecret(NEXT_SECRET, `source:signed:${name}`) };
    const change = aChange('source', { id: 'signed', advertiserId: 'acme', name: 'S' }, { secrets });
    const expectedVersion = configuration.entityVersion('source', 'signed');
    expect(configuration.apply(100, { ...change, expectedVersion }).outcome).toBe('applied');
    expect(await signedCall(origin, '/postback/signed?event=lead')).toMatchObject({
      code: 'signature_invalid',
    });
  });
});

describe('a repeat', () => {
  const target = '/postback/signed?event=sale&txid=o-1';

  it('of a signed call is the same receipt on every instance and after a restart', async () => {
    const [one, two] = [await anInstance(), await anInstance()];
    const receipts = [
      await signedCall(one, target),
      await signedCall(one, target),
      await signedCall(two, target),
      await signedCall(await anInstance(), target),
      await signedCall(two, target, { at: NOW + 60_000 }),
    ];
    expect(receipts.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(new Set(receipts.map(({ receiptId }) => receiptId)).size).toBe(1);
    expect(new Set(producer.received.map(({ contentDigest }) => contentDigest)).size).toBe(1);
  });

  it('of a nonce for another content: 401 where it is remembered, elsewhere the same receipt with another digest', async () => {
    const memory = aMemory();
    const other = '/postback/signed?event=sale&txid=o-2';
    const first = await signedCall(await anInstance(memory), target);
    expect(await signedCall(await anInstance(memory), other)).toMatchObject({
      status: 401,
      code: 'nonce_reused',
    });
    const elsewhere = await signedCall(await anInstance(), other);
    expect(elsewhere).toMatchObject({ status: 200, receiptId: first.receiptId });
    const [one, two] = producer.received;
    expect(one?.contentDigest).not.toBe(two?.contentDigest);
  });

  it('of a refused call may bring what was wrong in order under its nonce', async () => {
    const origin = await anInstance();
    expect(await signedCall(origin, '/postback/signed?event=sale&revenue=x')).toMatchObject({
      code: 'amount_malformed',
    });
    expect(await signedCall(origin, target)).toMatchObject({ status: 200 });
  });

  it('after a 503 may bring the same content, and no other', async () => {
    const origin = await anInstance();
    producer.failure = new DependencyFailure('kafka_unavailable', 'away');
    expect(await signedCall(origin, target)).toMatchObject({ status: 503 });
    producer.failure = undefined;
    expect(await signedCall(origin, `${target}x`)).toMatchObject({ code: 'nonce_reused' });
    expect(await signedCall(origin, target)).toMatchObject({ status: 200 });
  });

  it('cannot be made a receipt of its own with a key that was not signed', async () => {
    const origin = await anInstance();
    const first = await signedCall(origin, target);
    const again = await signedCall(origin, target, { headers: { 'idempotency-key': 'k-1' } });
    expect(again).toMatchObject({ status: 200, receiptId: first.receiptId });
    expect(again).toMatchObject({ warnings: ['idempotency_key_not_signed'] });
  });

  it('by nonce of a batch is told row by row', async () => {
    const origin = await anInstance();
    const batch = '/v1/postbacks?source=signed';
    const headers = { 'content-type': 'application/json' };
    const rows = async (body: string) => {
      const answer: unknown = await signedCall(origin, batch, { method: 'POST', body, headers });
      return (answer as { rows: { code?: string; receiptId?: string }[] }).rows;
    };
    const first = await rows('[{"event":"sale","txid":"a"},{"event":"sale","txid":"b"}]');
    const second = await rows('[{"event":"sale","txid":"a"},{"event":"sale","txid":"c"}]');
    expect(second[0]?.receiptId).toBe(first[0]?.receiptId);
    expect(second[1]?.code).toBe('nonce_reused');
  });

  it('of two at once for two contents lets one pass', async () => {
    const origin = await anInstance();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => signedCall(origin, `${target}-${index}`)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(producer.received).toHaveLength(1);
  });
});

describe('an Idempotency-Key', () => {
  const target = `/postback/token?token=${TOKEN}&event=sale&txid=o-1`;
  const headers = { 'idempotency-key': 'order-1' };

  it('gets the same reply for the same content, and 409 for another one', async () => {
    const memory = aMemory();
    const [one, two] = [await anInstance(memory), await anInstance(memory)];
    const first = await call(one, target, { headers });
    expect(await call(one, target, { headers })).toEqual(first);
    expect(await call(two, `${target}&sub1=x`, { headers })).toMatchObject({
      status: 409,
      code: 'idempotency_key_reused',
    });
    expect(await call(one, `${target}&sub1=x`, { headers: { 'idempotency-key': 'order-2' } })).toMatchObject({
      status: 200,
    });
  });

  it('is forgotten after its time, and still the same receipt', async () => {
    const origin = await anInstance();
    const first = await call(origin, target, { headers });
    now += 2 * 86_400_000;
    expect(await call(origin, `${target}&sub1=x`, { headers })).toMatchObject({
      status: 200,
      receiptId: first.receiptId,
    });
  });

  it('that is too long is refused', async () => {
    const long = { 'idempotency-key': 'k'.repeat(256) };
    expect(await call(await anInstance(), target, { headers: long })).toMatchObject({
      status: 400,
      code: 'idempotency_key_malformed',
    });
  });
});

describe('an allow list', () => {
  const target = '/postback/listed?event=lead';

  it('takes the address that the last trusted proxy saw, and none that a client claims', async () => {
    const behindOne = await anInstance(aMemory(), 1);
    const from = (addresses: string) => ({ headers: { 'x-forwarded-for': addresses } });
    expect(await call(behindOne, target, from('203.0.113.9'))).toMatchObject({ status: 200 });
    expect(await call(behindOne, target, from('198.51.100.1, ::ffff:203.0.113.9'))).toMatchObject({
      status: 200,
    });
    expect(producer.received[0]?.authenticatedBy).toEqual(['ip_allow_list']);
    for (const headers of [from('203.0.113.9, 198.51.100.1'), from(''), from('203.0.113.9, unknown'), {}])
      expect(await call(behindOne, target, headers)).toMatchObject({
        status: 403,
        code: 'address_not_allowed',
      });
    expect(await call(await anInstance(), target, from('203.0.113.9'))).toMatchObject({
      code: 'address_not_allowed',
    });
    expect(producer.received).toHaveLength(2);
    expect(producer.refused).toHaveLength(5);
  });

  it('refuses before it reads the body', async () => {
    const body = JSON.stringify({ event: 'lead', note: 'x'.repeat(1_000_000) });
    const sent = { method: 'POST', body, headers: { 'content-type': 'application/json' } };
    expect(await call(await anInstance(), '/postback/listed', sent)).toMatchObject({
      code: 'address_not_allowed',
    });
  });
});

it('HTTPS only is judged by what the trusted proxy saw', async () => {
  const target = `/postback/secure?token=${TOKEN}&event=lead`;
  const behindOne = await anInstance(aMemory(), 1);
  const over = (protocol: string) => ({ headers: { 'x-forwarded-proto': protocol } });
  expect(await call(behindOne, target, over('https'))).toMatchObject({ status: 200 });
  expect(await call(behindOne, target, over('http'))).toMatchObject({ status: 403, code: 'https_required' });
  expect(await call(behindOne, target, over('https, http'))).toMatchObject({ code: 'https_required' });
  expect(await call(behindOne, target)).toMatchObject({ code: 'https_required' });
  expect(await call(await anInstance(), target, over('https'))).toMatchObject({ code: 'https_required' });
});

describe('a rate limit', () => {
  const target = `/postback/slow?token=${TOKEN}&event=lead`;

  it('answers 429 and when to come again, and puts one refusal a second on record', async () => {
    const origin = await anInstance();
    const answers = [];
    for (let index = 0; index < 20; index += 1) answers.push(await call(origin, target));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
    const turnedAway = answers.filter(({ status }) => status === 429);
    expect(turnedAway).toHaveLength(17);
    for (const each of turnedAway) expect(each).toMatchObject({ code: 'rate_limited', retryAfter: '1' });
    expect(turnedAway.filter(({ refusalId }) => refusalId !== null)).toHaveLength(1);
    expect(producer.refused).toMatchObject([{ reasonCode: 'rate_limited' }]);
    monotonicMs += 1_000;
    expect(await call(origin, target)).toMatchObject({ status: 200 });
  });

  it('takes a batch whole, and makes what follows wait for its rows', async () => {
    const origin = await anInstance();
    const body = JSON.stringify(Array.from({ length: 13 }, () => ({ event: 'lead' })));
    const headers = { 'content-type': 'application/json', 'x-token': TOKEN };
    const batch = await call(origin, '/v1/postbacks?source=slow', { method: 'POST', body, headers });
    expect(batch.status).toBe(200);
    expect(await call(origin, target)).toMatchObject({ status: 429, retryAfter: '6' });
  });

  it('of a flooded source leaves another one as it was', async () => {
    const origin = await anInstance();
    const flood = Promise.all(Array.from({ length: 400 }, () => call(origin, target)));
    const healthy = Array.from({ length: 50 }, () =>
      call(origin, `/postback/token?token=${TOKEN}&event=lead`),
    );
    expect((await Promise.all(healthy)).every(({ status }) => status === 200)).toBe(true);
    const flooded = await flood;
    expect(flooded.filter(({ status }) => status === 200)).toHaveLength(3);
    // What the flood costs Kafka: its three postbacks and one refusal, beside the fifty of the healthy source.
    expect(producer.records).toHaveLength(54);
  });
});
