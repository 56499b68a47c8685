/** What documents the console API accepts, and that no credential in them is ever shown or stored in clear. */
import { createHash } from 'node:crypto';
import { aChange } from '@tributary/configuration';
import type { ConfigurationChanged } from '@tributary/contracts';
import { Encryption } from '@tributary/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConsoleInMemory, problemPaths, SECRETS_KEYS } from './console-in-memory.fixture.ts';

const ACCESS_TOKEN = 'EAAB-top-secret-value';
const SIGNING = 'a-signing-secret-0123456789-abcdef';
const NEXT_SIGNING = 'the-next-signing-secret-0123456789';
const shop = { advertiserId: 'acme', name: 'Shop' };
const meta = { name: 'Meta', definition: 'meta', status: 'active', settings: { pixelId: '123' } };
const postback = {
  name: 'Network',
  definition: 'partner-postback',
  status: 'active',
  settings: { urlTemplate: 'https://network.example/p?c={partner_click_id}&t={secret:token}' },
};

let running: ConsoleInMemory;

beforeEach(async () => {
  running = await new ConsoleInMemory().start();
});

afterEach(() => running.stop());

/** A plain text under its ciphertext in the log. */
function decrypted(
  change: ConfigurationChanged | undefined,
  path: string,
  entityType = 'destination',
): string | undefined {
  const ciphertext = change?.secrets[path];
  if (ciphertext === undefined) return undefined;
  return new Encryption(SECRETS_KEYS).decryptSecret(ciphertext, `${entityType}:${change?.entityId}:${path}`);
}

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
    const answer = await running.put(path, body);

    expect(answer).toMatchObject({ status: 422, body: { code: 'document_invalid' } });
    expect(problemPaths(answer)).toEqual(problems);
    expect(answer.text).not.toContain(ACCESS_TOKEN);
    expect(running.log.written).toEqual([]);
  });

  it('what others refer to cannot be removed', async () => {
    await running.putAcme();
    await running.putWell('sources/shop', { document: shop });

    const answer = await running.remove('advertisers/acme');

    expect(answer).toMatchObject({ status: 409, body: { code: 'still_referenced' } });
    expect(problemPaths(answer)).toEqual(['source:shop']);
    expect(await running.remove('sources/shop')).toMatchObject({ status: 200 });
    expect(await running.remove('advertisers/acme')).toMatchObject({ status: 200 });
  });
});

describe('templates', () => {
  const url = (query: string) => `https://network.example/p?c={partner_click_id}${query}`;
  const wrong = url('&d=%7Bclick_id%7D&token=abcd1234');
  const offer = { advertiserId: 'acme', name: 'Shoes' };

  it('with errors are refused, each by code, field and position, and nothing of a secret is repeated', async () => {
    const answer = await running.put('destinations/a', {
      document: { ...postback, settings: { urlTemplate: wrong } },
    });
    expect(answer).toMatchObject({
      status: 422,
      body: {
        problems: [
          { path: 'document.settings.urlTemplate', code: 'double_encoding', position: 49, length: 14 },
          { path: 'document.settings.urlTemplate', code: 'secret_in_url', position: 70, length: 8 },
        ],
      },
    });
    expect(answer.text).not.toContain('abcd1234');
    expect(running.log.written).toEqual([]);
  });

  it('of a landing page are reviewed like those of a partner', async () => {
    await running.putAcme();
    await running.putWell('offers/shoes', { document: offer });
    const document = {
      offerId: 'shoes',
      name: 'Summer',
      status: 'active',
      landingUrl: 'https://shop.example/?c={clickid}',
    };
    const path = 'document.landingUrl';
    expect(await running.put('campaigns/summer', { document })).toMatchObject({
      status: 422,
      body: { problems: [{ path, code: 'unknown_macro', position: 24, length: 9 }] },
    });
    const encoded = { ...document, landingUrl: 'https://shop.example/?c=%7Bclick_id%7D' };
    expect(await running.put('campaigns/summer', { document: encoded })).toMatchObject({
      status: 422,
      body: { problems: [{ path, code: 'double_encoding', position: 24 }] },
    });
  });

  it.each<[string, object[], string[]]>([
    [
      'errors in an override, told where they stand',
      [{ eventType: 'lead', settings: { urlTemplate: wrong } }],
      ['document.overrides.0.settings.urlTemplate', 'document.overrides.0.settings.urlTemplate'],
    ],
    [
      'an override that does not compile',
      [
        { eventType: 'sale', settings: { method: 'POST' } },
        { eventType: 'lead', settings: { urlTemplate: url('&x={nope') } },
      ],
      ['document.overrides.1.settings.urlTemplate'],
    ],
    [
      'a secret that only an override wants',
      [{ eventType: 'lead', settings: { urlTemplate: url('&t={secret:other}') } }],
      ['secrets.secrets.other'],
    ],
    [
      'an override of what cannot differ',
      [{ eventType: 'lead', settings: { statuses: {} } }],
      ['document.overrides.0.settings'],
    ],
    [
      'a secret in clear in an override',
      [{ eventType: 'lead', settings: { secrets: { token: 'abcd1234' } } }],
      ['document.overrides.0.settings', 'document.overrides.0.settings'],
    ],
    [
      'an offer that is not there',
      [{ offerId: 'shoes', settings: { urlTemplate: url('') } }],
      ['document.overrides.0.offerId'],
    ],
  ])('are refused with %s', async (_what, overrides, paths) => {
    const document = { ...postback, settings: { urlTemplate: url('') }, overrides };
    const answer = await running.put('destinations/a', { document });
    expect(answer.status).toBe(422);
    expect(problemPaths(answer)).toEqual(paths);
    expect(answer.text).not.toContain('abcd1234');
  });

  it('of an offer stand in an override, and the offer cannot be removed from under it', async () => {
    await running.putAcme();
    await running.putWell('offers/shoes', { document: offer });
    const settings = { urlTemplate: url(''), expectedBody: 'OK' };
    const overrides = [
      { offerId: 'shoes', settings: { urlTemplate: url('&o=1'), expectedReply: { body: '1' } } },
    ];
    const view = await running.putWell('destinations/a', { document: { ...postback, settings, overrides } });
    expect(view.document).toMatchObject({ overrides });
    expect(problemPaths(await running.remove('offers/shoes'))).toEqual(['destination:a']);
  });

  it('of a definition without any cannot differ', async () => {
    const overrides = [{ eventType: 'lead', settings: { pixelId: '2' } }];
    const answer = await running.put('destinations/a', {
      document: { ...meta, overrides },
      secrets: { accessToken: ACCESS_TOKEN },
    });
    expect(problemPaths(answer)).toEqual(['document.overrides.0.settings']);
  });
});

describe('sources', () => {
  const TOKEN = 'first-token-of-the-shop';
  const SECOND = 'second-token-of-the-shop';
  const hash = (token: string) => createHash('sha256').update(token).digest('hex');
  const hashes = async (body: object) => (await running.putWell('sources/shop', body)).document;

  beforeEach(async () => {
    await running.putAcme();
  });

  it('keep the hashes of their tokens and never the tokens', async () => {
    const answer = await running.put('sources/shop', { document: shop, tokens: [TOKEN] });

    expect(answer).toMatchObject({ status: 200, body: { document: { tokenHashes: [hash(TOKEN)] } } });
    expect(answer.text).not.toContain(TOKEN);
    expect(JSON.stringify(running.log.written)).not.toContain(TOKEN);
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

  it('keep signing secrets as ciphertext under their names, and never show them', async () => {
    const answers = [
      await running.put('sources/shop', { document: shop, secrets: { 'signing.first': SIGNING } }),
      await running.get('sources/shop'),
      await running.put('sources/shop', { document: { ...shop, name: 'Shop 2' } }),
      await running.put('sources/shop', { document: shop, secrets: { 'signing.second': NEXT_SIGNING } }),
      await running.put('sources/shop', { document: shop, secrets: { 'signing.first': '' } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(answers.map(({ body }) => (body as { secretNames: string[] }).secretNames)).toEqual([
      ['signing.first'],
      ['signing.first'],
      ['signing.first'],
      ['signing.first', 'signing.second'],
      ['signing.second'],
    ]);
    for (const text of [...answers.map((each) => each.text), JSON.stringify(running.log.written)]) {
      expect(text).not.toContain(SIGNING);
      expect(text).not.toContain(NEXT_SIGNING);
    }
    expect(decrypted(running.log.written.at(-1), 'signing.second', 'source')).toBe(NEXT_SIGNING);
  });

  it.each<[string, Record<string, string>, string]>([
    ['a third one', { 'signing.third': SIGNING }, 'secrets.signing.third'],
    ['one that is short', { 'signing.first': SIGNING.slice(0, 31) }, 'secrets.signing.first'],
    ['one of a few characters', { 'signing.first': 'ab'.repeat(20) }, 'secrets.signing.first'],
    ['one with a space', { 'signing.first': `${SIGNING} x` }, 'secrets.signing.first'],
  ])('refuse as a signing secret %s', async (_name, secrets, path) => {
    const answer = await running.put('sources/shop', { document: shop, secrets });
    expect(answer.status).toBe(422);
    expect(problemPaths(answer)).toEqual([path]);
    expect(answer.text).not.toContain(SIGNING.slice(0, 31));
  });

  it.each<[string, object, string]>([
    ['an address that is none', { allowedAddresses: ['203.0.113.0/33'] }, 'document.allowedAddresses.0'],
    ['a list that allows nobody', { allowedAddresses: [] }, 'document.allowedAddresses'],
    ['a rate of nothing', { ratePerSecond: 0 }, 'document.ratePerSecond'],
    ['a burst in parts', { rateBurst: 1.5 }, 'document.rateBurst'],
    ['a proof nobody knows', { authentication: { hmac: true } }, 'document.authentication'],
  ])('refuse %s', async (_name, field, path) => {
    const answer = await running.put('sources/shop', { document: { ...shop, ...field } });
    expect(answer.status).toBe(422);
    expect(problemPaths(answer)).toEqual([path]);
  });

  it('take every way of access, and show it again', async () => {
    const access = {
      authentication: { token: false },
      allowedAddresses: ['203.0.113.7', '203.0.113.0/24', '2001:db8::/32', '::1'],
      requiresHttps: true,
      ratePerSecond: 0.5,
      rateBurst: 100,
    };
    expect(await running.put('sources/shop', { document: { ...shop, ...access } })).toMatchObject({
      status: 200,
      body: { document: access },
    });
  });

  it('stay in their lane, also after a removal', async () => {
    await running.putWell('sources/shop', { document: { ...shop, lane: 'acme-eu' } });
    expect(await running.put('sources/shop', { document: { ...shop, lane: 'acme' } })).toMatchObject({
      status: 422,
      body: { code: 'lane_immutable', field: 'document.lane' },
    });
    expect(await hashes({ document: { ...shop, name: 'Shop 2' } })).toMatchObject({ lane: 'acme-eu' });

    await running.remove('sources/shop');
    expect(await hashes({ document: shop })).toMatchObject({ lane: 'acme-eu' });
  });
});

describe('destinations', () => {
  it('keep secrets as ciphertext and show their names only', async () => {
    const answers = [
      await running.put('destinations/meta', { document: meta, secrets: { accessToken: ACCESS_TOKEN } }),
      await running.get('destinations/meta'),
      await running.get('destinations'),
    ];

    for (const { text } of answers) {
      expect(text).toContain('"secretNames":["accessToken"]');
      expect(text).not.toContain(ACCESS_TOKEN);
    }
    const [change] = running.log.written;
    expect(change?.document).not.toContain(ACCESS_TOKEN);
    expect(change?.secrets['accessToken']?.includes(ACCESS_TOKEN)).toBe(false);
    expect(decrypted(change, 'accessToken')).toBe(ACCESS_TOKEN);
  });

  it('keep a secret that is not sent again, and replace one that is', async () => {
    await running.putWell('destinations/meta', { document: meta, secrets: { accessToken: ACCESS_TOKEN } });
    await running.putWell('destinations/meta', { document: { ...meta, name: 'Meta 2' } });
    expect(decrypted(running.log.written.at(-1), 'accessToken')).toBe(ACCESS_TOKEN);

    await running.putWell('destinations/meta', { document: meta, secrets: { accessToken: 'another-token' } });
    expect(decrypted(running.log.written.at(-1), 'accessToken')).toBe('another-token');
  });

  it('lose a secret that is sent empty', async () => {
    const secrets = { 'secrets.token': 'the-token', 'secrets.old': 'the-old-one' };
    await running.putWell('destinations/network', { document: postback, secrets });
    await running.putWell('destinations/network', { document: postback, secrets: { 'secrets.old': '' } });

    const change = running.log.written.at(-1);
    expect(Object.keys(change?.secrets ?? {})).toEqual(['secrets.token']);
    expect(decrypted(change, 'secrets.token')).toBe('the-token');
  });

  it('take no secret over to another definition', async () => {
    await running.putWell('destinations/x', {
      document: postback,
      secrets: { 'secrets.token': 'the-token' },
    });

    expect(await running.put('destinations/x', { document: meta })).toMatchObject({ status: 422 });
    await running.putWell('destinations/x', { document: meta, secrets: { accessToken: ACCESS_TOKEN } });
    expect(Object.keys(running.log.written.at(-1)?.secrets ?? {})).toEqual(['accessToken']);
  });

  it('ask again for a secret that no key decrypts', async () => {
    running.log.rival = aChange(
      'destination',
      { id: 'meta', ...meta },
      { secrets: { accessToken: Buffer.from('of a lost key') } },
    );
    await running.put('partners/network', { document: { name: 'Network' } });
    running.log.rival = null;

    const answer = await running.put('destinations/meta', { document: meta });
    expect(answer.status).toBe(422);
    expect(problemPaths(answer)).toEqual(['secrets.accessToken']);
    await running.putWell('destinations/meta', { document: meta, secrets: { accessToken: ACCESS_TOKEN } });
  });
});
