/** The console API over real HTTP: who may write, what is answered, and how writers that collide are told. */
import { aChange } from '@tributary/configuration';
import { DependencyFailure } from '@tributary/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACME, API_KEY, ConsoleInMemory, NOW, problemPaths } from './console-in-memory.fixture.ts';

const ACCESS_TOKEN = 'EAAB-top-secret-value';
const shop = { advertiserId: 'acme', name: 'Shop' };
const meta = { name: 'Meta', definition: 'meta', status: 'active', settings: { pixelId: '123' } };

let running: ConsoleInMemory;

beforeEach(async () => {
  running = await new ConsoleInMemory().start();
});

afterEach(() => running.stop());

describe('the API key', () => {
  it.each([
    ['none', {}],
    ['another', { authorization: 'Bearer another-key-of-16-characters' }],
    ['one that begins with it', { authorization: `Bearer ${API_KEY}x` }],
    ['another scheme', { authorization: `Basic ${API_KEY}` }],
    ['an empty one', { authorization: 'Bearer ' }],
  ])('%s: 401', async (_name, headers) => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const response = await fetch(`${running.base}/api/v1/advertisers/acme`, {
        method,
        headers: { ...headers },
      });

      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
      expect(await response.json()).toMatchObject({ code: 'unauthorized', message: expect.any(String) });
    }
    expect(running.log.written).toEqual([]);
  });
});

describe('an entity', () => {
  it('is created, read, listed, replaced and removed', async () => {
    expect(await running.putAcme()).toEqual({
      entityType: 'advertiser',
      id: 'acme',
      version: 0,
      effectiveFrom: '2030-01-02T03:04:05.000Z',
      document: expect.objectContaining({ id: 'acme', ...ACME, parkedForMs: 86_400_000 }),
      isScheduled: false,
    });
    expect(await running.get('advertisers/acme')).toMatchObject({ status: 200, body: { version: 0 } });

    await running.putWell('advertisers/acme', { document: { ...ACME, name: 'Acme 2' }, expectedVersion: 0 });
    expect(await running.get('advertisers')).toMatchObject({
      status: 200,
      body: { version: 1, items: [{ id: 'acme', version: 1, document: { name: 'Acme 2' } }] },
    });

    expect(await running.remove('advertisers/acme?expectedVersion=1')).toMatchObject({
      status: 200,
      body: { entityType: 'advertiser', id: 'acme', version: 2, document: {} },
    });
    expect(await running.get('advertisers/acme')).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(await running.get('advertisers')).toMatchObject({ body: { items: [] } });
    expect(await running.get('configuration/version')).toMatchObject({ status: 200, body: { version: 2 } });
  });

  it('is written to the log as every reader needs it', async () => {
    await running.putAcme();

    expect(running.log.written).toEqual([
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
    const later = await running.put('advertisers/acme', {
      document: ACME,
      effectiveFrom: '2030-01-02T04:04:05+01:00',
    });
    expect(later).toMatchObject({ status: 200, body: { effectiveFrom: '2030-01-02T03:04:05.000Z' } });

    const before = await running.put('advertisers/acme', {
      document: ACME,
      effectiveFrom: '2030-01-02T03:04:04.999Z',
    });
    expect(before).toMatchObject({
      status: 422,
      body: { code: 'effective_from_past', field: 'effectiveFrom' },
    });
  });

  it('shows what is scheduled beside what is in force until then', async () => {
    await running.putAcme();
    const effectiveFrom = '2030-02-01T00:00:00.000Z';
    const later = await running.put('advertisers/acme', {
      document: { ...ACME, name: 'February' },
      effectiveFrom,
    });
    expect(later).toMatchObject({ status: 200, body: { version: 1, isScheduled: true, effectiveFrom } });

    expect(await running.get('advertisers/acme')).toMatchObject({
      body: {
        version: 1,
        isScheduled: true,
        effectiveFrom,
        document: { name: 'February' },
        inForce: { version: 0, document: { name: 'Acme' } },
      },
    });
    expect(await running.get('configuration/scheduled')).toMatchObject({
      status: 200,
      body: {
        version: 1,
        items: [{ entityType: 'advertiser', id: 'acme', version: 1, effectiveFrom, operation: 'put' }],
      },
    });

    running.now = Date.parse(effectiveFrom);
    expect(await running.get('configuration/scheduled')).toMatchObject({ body: { items: [] } });
    const { body } = await running.get('advertisers/acme');
    expect(body).toMatchObject({ isScheduled: false, document: { name: 'February' } });
    expect(body).not.toHaveProperty('inForce');
  });

  it('that comes into force later can be named only by what comes later still', async () => {
    const effectiveFrom = '2030-02-01T00:00:00Z';
    await running.putWell('advertisers/acme', { document: ACME, effectiveFrom });

    const early = await running.put('sources/shop', { document: shop });
    expect(early.status).toBe(422);
    expect(problemPaths(early)).toEqual(['document.advertiserId']);
    expect(await running.put('sources/shop', { document: shop, effectiveFrom })).toMatchObject({
      status: 200,
    });
  });

  it('keeps its history, removals included', async () => {
    await running.putAcme();
    await running.remove('advertisers/acme');

    expect(await running.get('advertisers/acme/history')).toMatchObject({
      status: 200,
      body: {
        items: [
          { version: 0, operation: 'put', document: { name: 'Acme' } },
          { version: 1, operation: 'remove', document: {} },
        ],
      },
    });
    expect(await running.get('advertisers/ghost/history')).toMatchObject({ status: 404 });
  });

  it('that a later release has written is shown as it stays in force, and can be replaced', async () => {
    await running.putAcme();
    running.log.rival = aChange(
      'advertiser',
      { id: 'acme', ...ACME, colour: 'red' },
      { expectedVersion: 0, recordedAt: NOW },
    );
    await running.putWell('partners/network', { document: { name: 'Network' } });
    running.log.rival = null;

    expect(await running.get('advertisers/acme')).toMatchObject({
      body: { version: 1, isUnreadable: true, document: { name: 'Acme' } },
    });
    await running.putWell('advertisers/acme', { document: { ...ACME, name: 'Acme 2' }, expectedVersion: 1 });
    expect((await running.get('advertisers/acme')).body).not.toHaveProperty('isUnreadable');
  });

  it('of every type can be configured, from the advertiser to the subscription', async () => {
    const all: [string, object][] = [
      ['advertisers/acme', { document: ACME }],
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
    for (const [path, body] of all) await running.putWell(path, body);

    for (const [path] of all) expect((await running.get(path)).status).toBe(200);
  });
});

describe('conflicts', () => {
  it('a version that is not the newest: 409, and nothing is written', async () => {
    await running.putAcme();

    for (const expectedVersion of [-1, 7]) {
      const answer = await running.put('advertisers/acme', { document: ACME, expectedVersion });
      expect(answer).toMatchObject({
        status: 409,
        body: { code: 'version_conflict', field: 'expectedVersion' },
      });
    }
    expect(await running.remove('advertisers/acme?expectedVersion=5')).toMatchObject({ status: 409 });
    expect(running.log.written).toHaveLength(1);
  });

  it('a rival that comes first in the log: 409 for whoever comes second', async () => {
    running.log.rival = aChange('advertiser', { id: 'acme', ...ACME, name: 'Rival' });

    const answer = await running.put('advertisers/acme', { document: ACME });

    expect(answer).toMatchObject({ status: 409, body: { code: 'version_conflict' } });
    expect(await running.get('advertisers/acme')).toMatchObject({
      body: { version: 0, document: { name: 'Rival' } },
    });
  });

  it('of writers at the same time exactly one wins', async () => {
    await running.putAcme();
    const writers = Array.from({ length: 8 }, (_, index) =>
      running.put('advertisers/acme', { document: { ...ACME, name: `Writer ${index}` }, expectedVersion: 0 }),
    );

    const statuses = (await Promise.all(writers)).map(({ status }) => status);

    expect(statuses.toSorted()).toEqual([200, ...Array<number>(7).fill(409)]);
  });

  it('Kafka is away: 503, and the writer may try again', async () => {
    running.log.failure = new DependencyFailure('kafka_unavailable', 'away');
    expect(await running.put('advertisers/acme', { document: ACME })).toMatchObject({
      status: 503,
      body: { code: 'kafka_unavailable' },
    });

    running.log.failure = null;
    await running.putAcme();
  });

  it('a defect: 500 without its message', async () => {
    running.log.failure = new Error(`cannot write ${ACCESS_TOKEN}`);

    const answer = await running.put('advertisers/acme', { document: ACME });

    expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } });
    expect(answer.text).not.toContain(ACCESS_TOKEN);
  });
});

describe('requests', () => {
  it.each<[string, unknown, string]>([
    ['a list', [], 'body'],
    ['no document', {}, 'document'],
    ['a document that is a text', { document: 'x' }, 'document'],
    ['an unknown field', { document: {}, secret: {} }, 'body'],
    ['a version in words', { document: ACME, expectedVersion: 'newest' }, 'expectedVersion'],
    ['a version of -2', { document: ACME, expectedVersion: -2 }, 'expectedVersion'],
    ['half a version', { document: ACME, expectedVersion: 0.5 }, 'expectedVersion'],
    ['a time in words', { document: ACME, effectiveFrom: 'tomorrow' }, 'effectiveFrom'],
    ['a time as a number', { document: ACME, effectiveFrom: NOW }, 'effectiveFrom'],
    ['a secret that is a number', { document: ACME, secrets: { token: 1 } }, 'secrets'],
    ['a secret for the prototype', '{"document":{},"secrets":{"a.__proto__.b":"x"}}', 'secrets'],
    ['a short token', { document: ACME, tokens: ['short'] }, 'tokens'],
    [
      'a document without a bottom',
      `{"document":{"name":${'['.repeat(50_000)}${']'.repeat(50_000)}}}`,
      'document',
    ],
    ['a key of an advertiser', { document: ACME, key: 'abcdefghijklmnopqrstuvwx' }, 'key'],
    ['a key to be made for an advertiser', { document: ACME, generateKey: true }, 'generateKey'],
    ['a key that is a number', { document: ACME, generateKey: 1 }, 'generateKey'],
    ['tokens of an advertiser', { document: ACME, tokens: ['a'.repeat(16)] }, 'tokens'],
    ['secrets of an advertiser', { document: ACME, secrets: { token: 'abcd' } }, 'secrets'],
  ])('%s: 400 with the field', async (_name, body, field) => {
    expect(await running.put('advertisers/acme', body)).toMatchObject({
      status: 400,
      body: { code: 'request_malformed', message: expect.any(String), field },
    });
  });

  it('a body that is not JSON: 400, without a word of it', async () => {
    const answer = await running.put('advertisers/acme', `{"secrets":"${ACCESS_TOKEN}`);

    expect(answer).toMatchObject({ status: 400, body: { code: 'request_malformed' } });
    expect(answer.text).not.toContain(ACCESS_TOKEN);
  });

  it('a body of another type: 415', async () => {
    const answer = await running.call('PUT', '/api/v1/advertisers/acme', 'a=b', {
      'content-type': 'application/x-yaml',
    });

    expect(answer).toMatchObject({ status: 415, body: { code: 'content_type_unsupported' } });
  });

  it('a body of two megabytes: 413', async () => {
    const answer = await running.put('advertisers/acme', { document: { name: 'x'.repeat(2_000_000) } });

    expect(answer).toMatchObject({ status: 413, body: { code: 'body_too_large' } });
  });

  it('an address of more than 8,192 characters: 414', async () => {
    expect(await running.get(`advertisers?x=${'x'.repeat(8_192)}`)).toMatchObject({
      status: 414,
      body: { code: 'url_too_long', field: 'url' },
    });
  });

  it('a parameter that is misspelt: 400, and nothing is removed', async () => {
    await running.putAcme();
    expect(await running.remove('advertisers/acme?expectedVersio=7')).toMatchObject({
      status: 400,
      body: { code: 'request_malformed', field: 'query' },
    });
    expect(await running.get('advertisers/acme')).toMatchObject({ status: 200 });
  });

  it.each(['api_keys', 'advertiser', 'constructor', 'advertisers/a/b'])('GET %s: 404', async (path) => {
    expect(await running.get(path)).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });

  it('removing what is not there: 404', async () => {
    expect(await running.remove('partners/ghost')).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
    expect(await running.remove('partners/ghost?expectedVersion=x')).toMatchObject({ status: 400 });
  });
});

describe('health', () => {
  it('needs no key and tells what is ready', async () => {
    const response = await fetch(`${running.base}/health/ready`);

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
    running.isBrokerUp = false;

    const response = await fetch(`${running.base}/health/ready`);

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
