/** The console API over real HTTP on an in-memory log: who may write what, what is answered and what is never told. */
import { createHash } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { aChange, type ConfigurationLog, InMemoryConfigurationLog } from '@tributary/configuration';
import type { ConfigurationChanged } from '@tributary/contracts';
import { createLogger, DependencyFailure, Encryption } from '@tributary/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { composeConsole } from './console.module.ts';

const API_KEY = 'a-key-of-more-than-16-characters';
const SECRETS_KEYS = Buffer.alloc(32, 7).toString('base64');
const NOW = Date.UTC(2030, 0, 2, 3, 4, 5);
const ACCESS_TOKEN = 'EAAB-top-secret-value';

/** The in-memory log with the faults of a real one: a rival writer that comes first, a broker that is away. */
class FaultyLog implements ConfigurationLog {
  readonly written: ConfigurationChanged[] = [];
  rival: ConfigurationChanged | null = null;
  failure: Error | null = null;
  readonly #log = new InMemoryConfigurationLog();

  follow(onChange: Parameters<ConfigurationLog['follow']>[0]) {
    return this.#log.follow(onChange);
  }

  async append(change: ConfigurationChanged): Promise<number> {
    if (this.failure !== null) throw this.failure;
    if (this.rival !== null) await this.#log.append(this.rival);
    this.written.push(change);
    return this.#log.append(change);
  }
}

let app: NestFastifyApplication;
let log: FaultyLog;
let base: string;
let isBrokerUp: boolean;

beforeEach(async () => {
  log = new FaultyLog();
  isBrokerUp = true;
  const module = composeConsole({
    settings: { CONSOLE_API_KEY: API_KEY, SECRETS_KEYS },
    logger: createLogger('console', 'silent'),
    clock: { now: () => NOW },
    bus: {
      log,
      connect: async () => undefined,
      ping: async () => {
        if (!isBrokerUp) throw new DependencyFailure('kafka_unavailable', 'away');
      },
      close: async () => undefined,
    },
  });
  app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), {
    logger: false,
    abortOnError: false,
  });
  await app.listen(0, '127.0.0.1');
  base = await app.getUrl();
});

afterEach(() => app.close());

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly text: string;
  readonly headers: Headers;
}

async function call(method: string, path: string, body?: unknown, headers: object = {}): Promise<Answer> {
  const response = await fetch(`${base}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${API_KEY}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: JSON.parse(text), text, headers: response.headers };
}

const get = (path: string) => call('GET', `/api/v1/${path}`);
const put = (path: string, body: unknown) => call('PUT', `/api/v1/${path}`, body);
const remove = (path: string) => call('DELETE', `/api/v1/${path}`);

const acme = { name: 'Acme', currency: 'EUR' };
const shop = { advertiserId: 'acme', name: 'Shop' };
const meta = { name: 'Meta', definition: 'meta', status: 'active', settings: { pixelId: '123' } };
const postback = {
  name: 'Network',
  definition: 'partner-postback',
  status: 'active',
  settings: { urlTemplate: 'https://network.example/p?c={partner_click_id}&t={secret:token}' },
};

async function putWell(path: string, body: object): Promise<{ version: number; document: object }> {
  const { status, body: view } = await put(path, body);
  expect([status, view]).toEqual([200, expect.anything()]);
  return view as { version: number; document: object };
}

const putAcme = () => putWell('advertisers/acme', { document: acme });

/** A plain text under its ciphertext in the log. */
function decrypted(change: ConfigurationChanged | undefined, path: string): string | undefined {
  const ciphertext = change?.secrets[path];
  if (ciphertext === undefined) return undefined;
  return new Encryption(SECRETS_KEYS).decryptSecret(ciphertext, `destination:${change?.entityId}:${path}`);
}

const paths = ({ body }: Answer) =>
  (body as { problems: { path: string }[] }).problems.map(({ path }) => path);

describe('the API key', () => {
  it.each([
    ['none', {}],
    ['another', { authorization: 'Bearer another-key-of-16-characters' }],
    ['one that begins with it', { authorization: `Bearer ${API_KEY}x` }],
    ['another scheme', { authorization: `Basic ${API_KEY}` }],
    ['an empty one', { authorization: 'Bearer ' }],
  ])('%s: 401', async (_name, headers) => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const response = await fetch(`${base}/api/v1/advertisers/acme`, { method, headers: { ...headers } });

      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
      expect(await response.json()).toMatchObject({ code: 'unauthorized', message: expect.any(String) });
    }
    expect(log.written).toEqual([]);
  });
});

describe('an entity', () => {
  it('is created, read, listed, replaced and removed', async () => {
    expect(await putAcme()).toEqual({
      entityType: 'advertiser',
      id: 'acme',
      version: 0,
      effectiveFrom: '2030-01-02T03:04:05.000Z',
      document: expect.objectContaining({ id: 'acme', ...acme, parkedForMs: 86_400_000 }),
    });
    expect(await get('advertisers/acme')).toMatchObject({ status: 200, body: { version: 0 } });

    await putWell('advertisers/acme', { document: { ...acme, name: 'Acme 2' }, expectedVersion: 0 });
    expect(await get('advertisers')).toMatchObject({
      status: 200,
      body: { version: 1, items: [{ id: 'acme', version: 1, document: { name: 'Acme 2' } }] },
    });

    expect(await remove('advertisers/acme?expectedVersion=1')).toMatchObject({
      status: 200,
      body: { entityType: 'advertiser', id: 'acme', version: 2, document: {} },
    });
    expect(await get('advertisers/acme')).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(await get('advertisers')).toMatchObject({ body: { items: [] } });
    expect(await get('configuration/version')).toMatchObject({ status: 200, body: { version: 2 } });
  });

  it('is written to the log as every reader needs it', async () => {
    await putAcme();

    expect(log.written).toEqual([
      {
        changeId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        entityType: 'advertiser',
        entityId: 'acme',
        operation: 'put',
        expectedVersion: -1,
        document: expect.any(String),
        secrets: {},
        effectiveFrom: NOW,
        recordedAt: NOW,
        actor: 'console_api_key',
      },
    ]);
  });

  it('may come into force later, but never before now', async () => {
    const later = await put('advertisers/acme', {
      document: acme,
      effectiveFrom: '2030-01-02T04:04:05+01:00',
    });
    expect(later).toMatchObject({ status: 200, body: { effectiveFrom: '2030-01-02T03:04:05.000Z' } });

    const before = await put('advertisers/acme', {
      document: acme,
      effectiveFrom: '2030-01-02T03:04:04.999Z',
    });
    expect(before).toMatchObject({
      status: 422,
      body: { code: 'effective_from_past', field: 'effectiveFrom' },
    });
  });

  it('of every type can be configured, from the advertiser to the subscription', async () => {
    const all: [string, object][] = [
      ['advertisers/acme', { document: acme }],
      ['partners/network', { document: { name: 'Network' } }],
      ['offers/shoes', { document: { advertiserId: 'acme', name: 'Shoes' } }],
      [
        'campaigns/summer',
        {
          document: {
            offerId: 'shoes',
            partnerId: 'network',
            name: 'Summer',
            landingUrl: 'https://shop.example/?cid={click_id}',
            status: 'active',
          },
        },
      ],
      ['sources/shop', { document: shop }],
      ['destinations/meta', { document: meta, secrets: { accessToken: ACCESS_TOKEN } }],
      ['subscriptions/sales', { document: { destinationId: 'meta', filter: { sourceIds: ['shop'] } } }],
    ];
    for (const [path, body] of all) await putWell(path, body);

    for (const [path] of all) expect((await get(path)).status).toBe(200);
  });
});

describe('conflicts', () => {
  it('a version that is not the newest: 409, and nothing is written', async () => {
    await putAcme();

    for (const expectedVersion of [-1, 7]) {
      const answer = await put('advertisers/acme', { document: acme, expectedVersion });
      expect(answer).toMatchObject({
        status: 409,
        body: { code: 'version_conflict', field: 'expectedVersion' },
      });
    }
    expect(await remove('advertisers/acme?expectedVersion=5')).toMatchObject({ status: 409 });
    expect(log.written).toHaveLength(1);
  });

  it('a rival that comes first in the log: 409 for whoever comes second', async () => {
    log.rival = aChange('advertiser', { id: 'acme', ...acme, name: 'Rival' });

    const answer = await put('advertisers/acme', { document: acme });

    expect(answer).toMatchObject({ status: 409, body: { code: 'version_conflict' } });
    expect(await get('advertisers/acme')).toMatchObject({
      body: { version: 0, document: { name: 'Rival' } },
    });
  });

  it('of writers at the same time exactly one wins', async () => {
    await putAcme();
    const writers = Array.from({ length: 8 }, (_, index) =>
      put('advertisers/acme', { document: { ...acme, name: `Writer ${index}` }, expectedVersion: 0 }),
    );

    const statuses = (await Promise.all(writers)).map(({ status }) => status);

    expect(statuses.toSorted()).toEqual([200, ...Array<number>(7).fill(409)]);
  });

  it('Kafka is away: 503, and the writer may try again', async () => {
    log.failure = new DependencyFailure('kafka_unavailable', 'away');
    expect(await put('advertisers/acme', { document: acme })).toMatchObject({
      status: 503,
      body: { code: 'kafka_unavailable' },
    });

    log.failure = null;
    await putAcme();
  });

  it('a defect: 500 without its message', async () => {
    log.failure = new Error(`cannot write ${ACCESS_TOKEN}`);

    const answer = await put('advertisers/acme', { document: acme });

    expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } });
    expect(answer.text).not.toContain(ACCESS_TOKEN);
  });
});

describe('documents', () => {
  it.each<[string, string, object, string[]]>([
    ['an unknown key', 'partners/a', { document: { name: 'x', colour: 'red' } }, ['document']],
    [
      'two faults',
      'advertisers/a',
      { document: { currency: 'eur' } },
      ['document.name', 'document.currency'],
    ],
    ['the id of another', 'partners/a', { document: { id: 'b', name: 'x' } }, ['document.id']],
    ['an id that is none', 'partners/A', { document: { name: 'x' } }, ['document.id']],
    [
      'no such advertiser',
      'offers/a',
      { document: { advertiserId: 'b', name: 'x' } },
      ['document.advertiserId'],
    ],
    [
      'no such destination',
      'subscriptions/a',
      { document: { destinationId: 'b' } },
      ['document.destinationId'],
    ],
    [
      'no such definition',
      'destinations/a',
      { document: { ...meta, definition: 'unknown' } },
      ['document.definition'],
    ],
    ['no access token', 'destinations/a', { document: meta }, ['secrets.accessToken']],
    [
      'settings the definition refuses',
      'destinations/a',
      { document: { ...meta, settings: { pixelId: 'x' } }, secrets: { accessToken: ACCESS_TOKEN } },
      ['document.settings.pixelId'],
    ],
    [
      'a secret among the settings',
      'destinations/a',
      { document: { ...meta, settings: { pixelId: '1', accessToken: ACCESS_TOKEN } } },
      ['document.settings'],
    ],
    [
      'a setting among the secrets',
      'destinations/a',
      { document: { ...meta, settings: {} }, secrets: { pixelId: '1', accessToken: ACCESS_TOKEN } },
      ['secrets.pixelId'],
    ],
    [
      'a secret nobody asked for',
      'destinations/a',
      { document: meta, secrets: { accessToken: ACCESS_TOKEN, other: 'value' } },
      ['secrets.other', 'document.settings'],
    ],
    ['a template without its secret', 'destinations/a', { document: postback }, ['secrets.secrets.token']],
  ])('%s: 422 with every problem, and nothing is written', async (_name, path, body, problems) => {
    const answer = await put(path, body);

    expect(answer).toMatchObject({ status: 422, body: { code: 'document_invalid' } });
    expect(paths(answer)).toEqual(problems);
    expect(answer.text).not.toContain(ACCESS_TOKEN);
    expect(log.written).toEqual([]);
  });

  it('what others refer to cannot be removed', async () => {
    await putAcme();
    await putWell('sources/shop', { document: shop });

    const answer = await remove('advertisers/acme');

    expect(answer).toMatchObject({ status: 409, body: { code: 'still_referenced' } });
    expect(paths(answer)).toEqual(['source:shop']);
    expect(await remove('sources/shop')).toMatchObject({ status: 200 });
    expect(await remove('advertisers/acme')).toMatchObject({ status: 200 });
  });
});

describe('requests', () => {
  it.each<[string, unknown, string]>([
    ['a list', [], 'body'],
    ['no document', {}, 'document'],
    ['a document that is a text', { document: 'x' }, 'document'],
    ['an unknown field', { document: {}, secret: {} }, 'body'],
    ['a version in words', { document: acme, expectedVersion: 'newest' }, 'expectedVersion'],
    ['a version of -2', { document: acme, expectedVersion: -2 }, 'expectedVersion'],
    ['half a version', { document: acme, expectedVersion: 0.5 }, 'expectedVersion'],
    ['a time in words', { document: acme, effectiveFrom: 'tomorrow' }, 'effectiveFrom'],
    ['a time as a number', { document: acme, effectiveFrom: NOW }, 'effectiveFrom'],
    ['a secret that is a number', { document: acme, secrets: { token: 1 } }, 'secrets'],
    ['a secret for the prototype', '{"document":{},"secrets":{"a.__proto__.b":"x"}}', 'secrets'],
    ['a short token', { document: acme, tokens: ['short'] }, 'tokens'],
    ['tokens of an advertiser', { document: acme, tokens: ['a'.repeat(16)] }, 'tokens'],
    ['secrets of an advertiser', { document: acme, secrets: { token: 'abcd' } }, 'secrets'],
  ])('%s: 400 with the field', async (_name, body, field) => {
    expect(await put('advertisers/acme', body)).toMatchObject({
      status: 400,
      body: { code: 'request_malformed', message: expect.any(String), field },
    });
  });

  it('a body that is not JSON: 400, without a word of it', async () => {
    const answer = await put('advertisers/acme', `{"secrets":"${ACCESS_TOKEN}`);

    expect(answer).toMatchObject({ status: 400, body: { code: 'request_malformed' } });
    expect(answer.text).not.toContain(ACCESS_TOKEN);
  });

  it('a body of another type: 415', async () => {
    const answer = await call('PUT', '/api/v1/advertisers/acme', 'a=b', {
      'content-type': 'application/x-yaml',
    });

    expect(answer).toMatchObject({ status: 415, body: { code: 'content_type_unsupported' } });
  });

  it('a body of two megabytes: 413', async () => {
    const answer = await put('advertisers/acme', { document: { name: 'x'.repeat(2_000_000) } });

    expect(answer).toMatchObject({ status: 413, body: { code: 'body_too_large' } });
  });

  it.each(['api_keys', 'advertiser', 'constructor', 'advertisers/a/b'])('GET %s: 404', async (path) => {
    expect(await get(path)).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });

  it('removing what is not there: 404', async () => {
    expect(await remove('partners/ghost')).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(await remove('partners/ghost?expectedVersion=x')).toMatchObject({ status: 400 });
  });
});

describe('sources', () => {
  const TOKEN = 'first-token-of-the-shop';
  const SECOND = 'second-token-of-the-shop';
  const hash = (token: string) => createHash('sha256').update(token).digest('hex');
  const hashes = async (body: object) => (await putWell('sources/shop', body)).document;

  beforeEach(async () => {
    await putAcme();
  });

  it('keep the hashes of their tokens and never the tokens', async () => {
    const answer = await put('sources/shop', { document: shop, tokens: [TOKEN] });

    expect(answer).toMatchObject({ status: 200, body: { document: { tokenHashes: [hash(TOKEN)] } } });
    expect(answer.text).not.toContain(TOKEN);
    expect(JSON.stringify(log.written)).not.toContain(TOKEN);
  });

  it('keep their tokens when nothing is said of them; take new ones in their place or beside them', async () => {
    expect(await hashes({ document: shop, tokens: [TOKEN] })).toMatchObject({ tokenHashes: [hash(TOKEN)] });
    expect(await hashes({ document: shop })).toMatchObject({ tokenHashes: [hash(TOKEN)] });
    expect(
      await hashes({ document: { ...shop, tokenHashes: [hash(TOKEN)] }, tokens: [SECOND, TOKEN] }),
    ).toMatchObject({ tokenHashes: [hash(TOKEN), hash(SECOND)] });
    expect(await hashes({ document: shop, tokens: [SECOND] })).toMatchObject({ tokenHashes: [hash(SECOND)] });
    expect(await hashes({ document: { ...shop, tokenHashes: [] } })).toMatchObject({ tokenHashes: [] });
  });

  it('stay in their lane, also after a removal', async () => {
    await putWell('sources/shop', { document: { ...shop, lane: 'acme-eu' } });
    expect(await put('sources/shop', { document: { ...shop, lane: 'acme' } })).toMatchObject({
      status: 422,
      body: { code: 'lane_immutable', field: 'document.lane' },
    });
    expect(await hashes({ document: { ...shop, name: 'Shop 2' } })).toMatchObject({ lane: 'acme-eu' });

    await remove('sources/shop');
    expect(await hashes({ document: shop })).toMatchObject({ lane: 'acme-eu' });
  });
});

describe('destinations', () => {
  it('keep secrets as ciphertext and show their names only', async () => {
    const answers = [
      await put('destinations/meta', { document: meta, secrets: { accessToken: ACCESS_TOKEN } }),
      await get('destinations/meta'),
      await get('destinations'),
    ];

    for (const { text } of answers) {
      expect(text).toContain('"secretNames":["accessToken"]');
      expect(text).not.toContain(ACCESS_TOKEN);
    }
    const [change] = log.written;
    expect(change?.document).not.toContain(ACCESS_TOKEN);
    expect(change?.secrets['accessToken']?.includes(ACCESS_TOKEN)).toBe(false);
    expect(decrypted(change, 'accessToken')).toBe(ACCESS_TOKEN);
  });

  it('keep a secret that is not sent again, and replace one that is', async () => {
    await putWell('destinations/meta', { document: meta, secrets: { accessToken: ACCESS_TOKEN } });
    await putWell('destinations/meta', { document: { ...meta, name: 'Meta 2' } });
    expect(decrypted(log.written.at(-1), 'accessToken')).toBe(ACCESS_TOKEN);

    await putWell('destinations/meta', { document: meta, secrets: { accessToken: 'another-token' } });
    expect(decrypted(log.written.at(-1), 'accessToken')).toBe('another-token');
  });

  it('lose a secret that is sent empty', async () => {
    const secrets = { 'secrets.token': 'the-token', 'secrets.old': 'the-old-one' };
    await putWell('destinations/network', { document: postback, secrets });
    await putWell('destinations/network', { document: postback, secrets: { 'secrets.old': '' } });

    const change = log.written.at(-1);
    expect(Object.keys(change?.secrets ?? {})).toEqual(['secrets.token']);
    expect(decrypted(change, 'secrets.token')).toBe('the-token');
  });

  it('take no secret over to another definition', async () => {
    await putWell('destinations/x', { document: postback, secrets: { 'secrets.token': 'the-token' } });

    expect(await put('destinations/x', { document: meta })).toMatchObject({ status: 422 });
    await putWell('destinations/x', { document: meta, secrets: { accessToken: ACCESS_TOKEN } });
    expect(Object.keys(log.written.at(-1)?.secrets ?? {})).toEqual(['accessToken']);
  });

  it('ask again for a secret that no key decrypts', async () => {
    log.rival = aChange(
      'destination',
      { id: 'meta', ...meta },
      { secrets: { accessToken: Buffer.from('of a lost key') } },
    );
    await put('partners/network', { document: { name: 'Network' } });
    log.rival = null;

    const answer = await put('destinations/meta', { document: meta });
    expect(answer.status).toBe(422);
    expect(paths(answer)).toEqual(['secrets.accessToken']);
    await putWell('destinations/meta', { document: meta, secrets: { accessToken: ACCESS_TOKEN } });
  });
});

describe('health', () => {
  it('needs no key and tells what is ready', async () => {
    const response = await fetch(`${base}/health/ready`);

    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      status: 'ready',
      checks: [
        { name: 'kafka', ready: true },
        { name: 'configuration', ready: true, detail: 'version -1' },
      ],
    });
  });

  it('is not ready without Kafka', async () => {
    isBrokerUp = false;

    const response = await fetch(`${base}/health/ready`);

    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      status: 'not_ready',
      checks: [
        { name: 'kafka', ready: false },
        { name: 'configuration', ready: true },
      ],
    });
  });
});
