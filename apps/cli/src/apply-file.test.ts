/** Configuration files: the order they come out in, and that a secret stands in one only as the name of a variable. */
import { describe, expect, it } from 'vitest';
import { readConfigurationFile } from './apply-file.ts';

const ENVIRONMENT: Readonly<Record<string, string>> = { TOKEN: 'the-token-of-the-shop', OTHER: 'another' };
const read = (text: string) => readConfigurationFile(text, (name) => ENVIRONMENT[name]);

it('gives entities in the order in which they refer to each other', () => {
  const { entities, collections } = read(`
subscriptions: { s: { destinationId: d } }
destinations: { d: { name: D } }
partners:
advertisers: { b: { name: B }, a: { name: A } }`);

  expect(entities.map(({ collection, id }) => `${collection}/${id}`)).toEqual([
    'advertisers/b',
    'advertisers/a',
    'destinations/d',
    'subscriptions/s',
  ]);
  expect(collections).toEqual(['advertisers', 'partners', 'destinations', 'subscriptions']);
});

it('puts in the values of variables, beside the document and never in it', () => {
  const { entities } = read(`
sources: { shop: { name: Shop, tokens: ["\${TOKEN}", "\${OTHER}"] } }
destinations: { d: { name: D, settings: { pixelId: "1" }, secrets: { accessToken: "\${TOKEN}" } } }
api-keys: { k: { name: K, role: admin, key: "\${TOKEN}" } }`);

  expect(entities).toEqual([
    {
      collection: 'sources',
      id: 'shop',
      document: { name: 'Shop' },
      tokens: [ENVIRONMENT['TOKEN'], 'another'],
    },
    {
      collection: 'destinations',
      id: 'd',
      document: { name: 'D', settings: { pixelId: '1' } },
      secrets: { accessToken: ENVIRONMENT['TOKEN'] },
    },
    { collection: 'api-keys', id: 'k', document: { name: 'K', role: 'admin' }, key: ENVIRONMENT['TOKEN'] },
  ]);
});

it('an id in digits stays a text, and an empty file wants nothing', () => {
  expect(read('partners: { 007: { name: Bond } }').entities).toMatchObject([{ id: '007' }]);
  expect(read('')).toEqual({ entities: [], collections: [] });
});

describe('is refused', () => {
  it.each<[string, string, string]>([
    [
      'a secret in clear',
      'destinations: { d: { secrets: { accessToken: CANARY } } }',
      'secrets.accessToken must be a reference',
    ],
    [
      'a secret half in clear',
      `destinations: { d: { secrets: { t: "CANARY\${TOKEN}" } } }`,
      'must be a reference',
    ],
    ['secrets that are a text', 'destinations: { d: { secrets: CANARY } }', 'secrets must be a reference'],
    ['a token in clear', 'sources: { s: { tokens: [CANARY] } }', 'tokens.0 must be a reference'],
    ['a key in clear', 'api-keys: { k: { key: CANARY } }', 'key must be a reference'],
    [
      'a variable that is not set',
      `api-keys: { k: { key: "\${NOWHERE}" } }`,
      'api-keys/k: key: NOWHERE is not set',
    ],
    ['a token of a partner', `partners: { p: { tokens: ["\${TOKEN}"] } }`, 'tokens is only for sources'],
    ['an unknown collection', 'CANARY: {}', 'there is only advertisers,'],
    ['entities in a list', 'partners: [{ id: CANARY }]', 'partners: must be entities by their id'],
    ['an entity that is a text', 'partners: { p: CANARY }', 'partners/p: must be the fields'],
    ['a list', '[CANARY]', 'must hold collections'],
    ['the same entity twice', 'partners: { p: { name: CANARY }, p: { name: x } }', 'DUPLICATE_KEY at line 1'],
    ['what is no YAML', 'partners:\n  p: { name: "CANARY', 'is not YAML: MISSING_CHAR at line 2'],
  ])('%s, and the file is not quoted', (_name, text, message) => {
    let told = '';
    try {
      read(text);
    } catch (error) {
      told = String(error);
    }
    expect(told).toContain(message);
    expect(told).not.toContain('CANARY');
    expect(told).not.toContain(ENVIRONMENT['TOKEN']);
  });

  it('an alias that multiplies itself', () => {
    const levels = Array.from({ length: 12 }, (_, index) =>
      index === 0
        ? '  l0: &l0 { a: 1 }'
        : `  l${index}: &l${index} { ${Array.from({ length: 9 }, (_unused, each) => `k${each}: *l${index - 1}`).join(', ')} }`,
    );
    expect(() => read(`partners:\n${levels.join('\n')}`)).toThrow();
  });
});
