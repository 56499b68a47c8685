/** API keys over real HTTP: what each role may do, what a partner never sees, and that a key is shown once and stored nowhere. */
import { createHash } from 'node:crypto';
import { Encryption } from '@tributary/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACME, ConsoleInMemory, NOW, problemPaths, SECRETS_KEYS } from './console-in-memory.fixture.ts';
import { COLLECTIONS, PARTNER_COLLECTIONS } from './routes.ts';

const GIVEN = 'n3Xw-9aQ_5rTz+81kLpV.cB7';
const TOKEN = 'first-token-of-the-shop';

let running: ConsoleInMemory;

beforeEach(async () => {
  running = await new ConsoleInMemory().start();
});

afterEach(() => running.stop());

/** Two partners at one advertiser, whose campaigns share an offer and have one each. */
async function configureTwoPartners(): Promise<void> {
  await running.putAcme();
  for (const id of ['ours', 'theirs']) {
    await running.putWell(`partners/${id}`, { document: { name: id } });
    await running.putWell(`offers/only-${id}`, { document: { advertiserId: 'acme', name: id } });
  }
  const rule = { eventType: 'sale', kind: 'percent' };
  const payouts = [
    { ...rule, percent: '5' },
    { ...rule, percent: '6', partnerId: 'ours' },
    { ...rule, percent: '77', partnerId: 'theirs' },
  ];
  const caps = [
    { id: 'shared', period: 'day', count: 55 },
    { id: 'own', period: 'day', partnerId: 'ours', count: 66 },
    { id: 'other', period: 'day', partnerId: 'theirs', count: 77 },
  ];
  const abuse = { bots: 'reject', velocity: { conversions: 88, withinMs: 88, action: 'hold' } };
  await running.putWell('offers/both', {
    document: { advertiserId: 'acme', name: 'Both', payouts, caps, abuse },
  });
  for (const partnerId of ['ours', 'theirs'])
    for (const offerId of ['both', `only-${partnerId}`])
      await running.putWell(`campaigns/${partnerId}-${offerId}`, {
        document: {
          offerId,
          partnerId,
          name: 'x',
          landingUrl: 'https://shop.example/',
          status: 'active',
        },
      });
  await running.putWell('campaigns/own-traffic', {
    document: { offerId: 'both', name: 'x', landingUrl: 'https://shop.example/', status: 'active' },
  });
  await running.putWell('sources/shop', {
    document: { advertiserId: 'acme', name: 'Shop' },
    tokens: [TOKEN],
  });
}

describe('a key', () => {
  it('that is made here is shown once, opens, and is in no answer, record or log line', async () => {
    const made = await running.putWell('api-keys/robot', { document: { name: 'Robot', role: 'admin' } });
    const key = made.key ?? '';
    expect(key).toMatch(/^tributary_[\w-]{43}$/);

    const hash = createHash('sha256').update(key).digest();
    const answers = [
      await running.get('api-keys/robot', key),
      await running.get('api-keys', key),
      await running.get('api-keys/robot/history', key),
      await running.put('api-keys/robot', { document: { name: 'Robot 2', role: 'admin' } }),
    ];
    for (const { status, text } of answers) {
      expect(status).toBe(200);
      for (const shown of [key, hash.toString('hex'), hash.toString('base64'), '"key"'])
        expect(text).not.toContain(shown);
    }
    const records = running.log.written.map((change) => JSON.stringify(change)).join();
    for (const shown of [key, hash.toString('hex')]) {
      expect(records).not.toContain(shown);
      expect(running.lines.join()).not.toContain(shown);
    }
    for (const change of running.log.written) {
      const sealed = Buffer.from(change.secrets['hash'] ?? []);
      expect(sealed.includes(hash)).toBe(false);
      expect(new Encryption(SECRETS_KEYS).decryptSecret(sealed, 'api_key:robot:hash')).toBe(
        hash.toString('hex'),
      );
    }
    expect(await running.get('partners', key)).toMatchObject({ status: 200 });
  });

  it('may be brought along, is kept by later writes, and can be replaced', async () => {
    const document = { name: 'Robot', role: 'admin' };
    const brought = await running.putWell('api-keys/robot', { document, key: GIVEN });
    expect(brought).not.toHaveProperty('key');
    await running.putWell('api-keys/robot', { document: { ...document, name: 'Renamed' } });
    expect(await running.get('partners', GIVEN)).toMatchObject({ status: 200 });

    const { key } = await running.putWell('api-keys/robot', { document, generateKey: true });
    expect(await running.get('partners', GIVEN)).toMatchObject({ status: 401 });
    expect(await running.get('partners', key)).toMatchObject({ status: 200 });
  });

  it('that opens for another already is refused', async () => {
    await running.putWell('api-keys/one', { document: { name: 'x', role: 'admin' }, key: GIVEN });
    const answer = await running.put('api-keys/two', {
      document: { name: 'x', role: 'analyst' },
      key: GIVEN,
    });

    expect(answer).toMatchObject({ status: 422 });
    expect(problemPaths(answer)).toEqual(['key']);
  });

  it.each(['short', 'a'.repeat(40), 'abcabcabcabcabcabcabcabcabc', 'with a space in the middle of it'])(
    'that is no random text is refused: %s',
    async (key) => {
      const answer = await running.put('api-keys/x', { document: { name: 'x', role: 'admin' }, key });
      expect(answer).toMatchObject({ status: 400, body: { field: 'key' } });
      expect(answer.text).not.toContain(key);
    },
  );

  it('opens nothing from its expiry on, nor once it is removed', async () => {
    const document = { role: 'analyst', expiresAt: '2030-01-03T00:00:00Z' };
    const key = await running.makeKey('robot', document);
    running.now = Date.parse(document.expiresAt) - 1;
    expect(await running.get('partners', key)).toMatchObject({ status: 200 });
    running.now += 1;
    expect(await running.get('partners', key)).toMatchObject({ status: 401, body: { code: 'unauthorized' } });

    running.now = NOW;
    expect(await running.get('partners', key)).toMatchObject({ status: 200 });
    await running.remove('api-keys/robot');
    expect(await running.get('partners', key)).toMatchObject({ status: 401 });
  });

  it('cannot be for later: it is given and taken now', async () => {
    const body = { document: { name: 'x', role: 'admin' }, effectiveFrom: '2031-01-01T00:00:00Z' };
    expect(await running.put('api-keys/x', body)).toMatchObject({
      status: 400,
      body: { field: 'effectiveFrom' },
    });
  });

  it('is the actor of the changes made with it', async () => {
    const key = await running.makeKey('robot', { role: 'admin' });
    const authorization = `Bearer ${key}`;
    await running.call('PUT', '/api/v1/partners/p', { document: { name: 'P' } }, { authorization });
    await running.call('DELETE', '/api/v1/partners/p', undefined, { authorization });

    expect(running.log.written.map(({ actor }) => actor)).toEqual(['console_api_key', 'robot', 'robot']);
  });

  it('works in another console as soon as that has read the log', async () => {
    const second = await new ConsoleInMemory(SECRETS_KEYS, running.log).start();
    const key = await running.makeKey('robot', { role: 'analyst' });

    expect(await second.get('partners', key)).toMatchObject({ status: 200 });
    await second.stop();
  });

  it('whose hash no key of SECRETS_KEYS opens any more is wrong, and can be made anew', async () => {
    const key = await running.makeKey('robot', { role: 'admin' });
    const rotated = await new ConsoleInMemory(Buffer.alloc(32, 9).toString('base64'), running.log).start();

    expect(await rotated.get('partners', key)).toMatchObject({ status: 401 });
    const kept = await rotated.put('api-keys/robot', { document: { name: 'x', role: 'admin' } });
    expect(problemPaths(kept)).toEqual(['key']);
    await rotated.putWell('api-keys/robot', { document: { name: 'x', role: 'admin' }, key });
    expect(await rotated.get('partners', key)).toMatchObject({ status: 200 });
    await rotated.stop();
  });
});

describe('roles', () => {
  /** Every route but the open one, as a call that an admin may make. */
  const CALLS: readonly (readonly [string, string, object | undefined])[] = [
    ['GET', 'configuration/version', undefined],
    ['GET', 'configuration/scheduled', undefined],
    ['GET', 'configuration/secrets', undefined],
    ['POST', 'configuration/plan', { changes: [] }],
    ...[...COLLECTIONS.keys()].flatMap(
      (collection) =>
        [
          ['GET', collection, undefined],
          ['GET', `${collection}/x`, undefined],
          ['GET', `${collection}/x/history`, undefined],
          ['PUT', `${collection}/x`, {}],
          ['DELETE', `${collection}/x`, undefined],
          ['POST', `${collection}/x/reseal`, {}],
        ] as const,
    ),
  ];

  it.each(CALLS)('%s %s', async (method, path, body) => {
    await running.putWell('partners/network', { document: { name: 'Network' } });
    const analyst = await running.makeKey('analyst', { role: 'analyst' });
    const partner = await running.makeKey('partner', { role: 'partner', partnerId: 'network' });
    const statusFor = async (key: string) => {
      const headers = { authorization: `Bearer ${key}` };
      const { status, body: answer } = await running.call(method, `/api/v1/${path}`, body, headers);
      if (status === 403) expect(answer).toMatchObject({ code: 'forbidden' });
      return status;
    };
    const written = running.log.written.length;

    const isRead = method === 'GET' && path !== 'configuration/secrets';
    const [collection = '', , more] = path.split('/');
    const isForPartner = isRead && PARTNER_COLLECTIONS.has(collection) && more === undefined;
    expect((await statusFor(analyst)) !== 403).toBe(isRead);
    expect((await statusFor(partner)) !== 403).toBe(isForPartner);
    expect(await statusFor('wrong-key-of-some-length')).toBe(401);
    expect(running.log.written).toHaveLength(written);
  });

  it('an analyst reads everything but the hashes of tokens', async () => {
    await configureTwoPartners();
    await running.putWell('sources/shop', {
      document: { advertiserId: 'acme', name: 'Later' },
      effectiveFrom: '2031-01-01T00:00:00Z',
    });
    const key = await running.makeKey('analyst', { role: 'analyst' });

    for (const path of ['sources', 'sources/shop', 'sources/shop/history', 'configuration/scheduled']) {
      const { status, text } = await running.get(path, key);
      expect(status).toBe(200);
      expect(text).toContain('Later');
      expect(text).not.toMatch(/tokenHashes|[0-9a-f]{64}/);
    }
    expect((await running.get('sources/shop')).text).toContain('tokenHashes');
    expect(await running.get('offers/both', key)).toMatchObject({ status: 200 });
  });
});

describe('the key of a partner', () => {
  const idsOf = async (collection: string, key: string) => {
    const { body } = await running.get(collection, key);
    return (body as { items: { id: string }[] }).items.map(({ id }) => id);
  };

  it('lists what is its own and nothing else', async () => {
    await configureTwoPartners();
    const key = await running.makeKey('ours', { role: 'partner', partnerId: 'ours' });

    expect(await idsOf('partners', key)).toEqual(['ours']);
    expect(await idsOf('campaigns', key)).toEqual(['ours-both', 'ours-only-ours']);
    expect(await idsOf('offers', key)).toEqual(['both', 'only-ours']);
  });

  it.each(['partners/theirs', 'campaigns/theirs-both', 'campaigns/own-traffic', 'offers/only-theirs'])(
    'is told that %s does not exist, in the words for what never did',
    async (path) => {
      await configureTwoPartners();
      const key = await running.makeKey('ours', { role: 'partner', partnerId: 'ours' });
      expect((await running.get(path)).status).toBe(200);

      const answer = await running.get(path, key);
      const never = await running.get(`${path.split('/')[0]}/never-was`, key);
      expect([answer.status, answer.text]).toEqual([404, never.text]);
    },
  );

  it('shows payouts and caps for all and for the partner, not those of another, and no rule against abuse', async () => {
    await configureTwoPartners();
    const key = await running.makeKey('ours', { role: 'partner', partnerId: 'ours' });

    for (const path of ['offers', 'offers/both']) {
      const { text } = await running.get(path, key);
      expect(text).toContain('"percent":"6"');
      expect(text).toContain('"percent":"5"');
      expect(text).toContain('"count":55');
      expect(text).toContain('"count":66');
      expect(text).not.toMatch(/77|theirs|abuse|88/);
    }
  });

  it('shows what is in force, and nothing of what is only scheduled', async () => {
    await configureTwoPartners();
    const key = await running.makeKey('ours', { role: 'partner', partnerId: 'ours' });
    const effectiveFrom = '2030-02-01T00:00:00Z';
    const campaign = {
      offerId: 'both',
      name: 'Moved',
      landingUrl: 'https://shop.example/',
      status: 'active',
    };
    await running.putWell('campaigns/ours-both', {
      document: { ...campaign, partnerId: 'theirs' },
      effectiveFrom,
    });
    await running.putWell('campaigns/theirs-both', {
      document: { ...campaign, partnerId: 'ours' },
      effectiveFrom,
    });
    expect((await running.get('campaigns', key)).text).not.toContain('Moved');
    expect(await idsOf('campaigns', key)).toEqual(['ours-both', 'ours-only-ours']);

    running.now = Date.parse(effectiveFrom);
    expect(await idsOf('campaigns', key)).toEqual(['ours-only-ours', 'theirs-both']);
  });

  it('needs a partner that exists, and holds on to it', async () => {
    const missing = await running.put('api-keys/x', {
      document: { name: 'x', role: 'partner', partnerId: 'ghost' },
    });
    expect(problemPaths(missing)).toEqual(['document.partnerId']);

    await running.putWell('partners/network', { document: { name: 'Network' } });
    await running.makeKey('x', { role: 'partner', partnerId: 'network' });
    expect(problemPaths(await running.remove('partners/network'))).toEqual(['api_key:x']);
  });
});

it('a handler that is in no line of the table is for admins only', async () => {
  const { ApiKeyGuard } = await import('./api-key.guard.ts');
  const { ApiKeys } = await import('./api-keys.ts');
  const { Reflector } = await import('@nestjs/core');
  const { ConfigurationFollower, InMemoryConfigurationLog } = await import('@tributary/configuration');
  const { createLogger } = await import('@tributary/runtime');
  const keys = new ApiKeys({
    bootstrapKey: ACME.name,
    follower: new ConfigurationFollower(new InMemoryConfigurationLog()),
    encryption: new Encryption(SECRETS_KEYS),
    clock: { now: () => NOW },
    logger: createLogger('console', 'silent'),
  });
  keys.holderOf = () => ({ keyId: 'a', role: 'analyst', partnerId: null });
  const guard = new ApiKeyGuard(keys, new Reflector());
  const request = { url: '/api/v1/x', routeOptions: { url: '/api/v1/x' }, headers: {}, query: {} };
  const context = { switchToHttp: () => ({ getRequest: () => request }), getHandler: () => () => undefined };

  expect(() => guard.canActivate(context as never)).toThrow('forbidden');
  request.routeOptions.url = '/health/live';
  expect(guard.canActivate(context as never)).toBe(true);
});
