/** Plans: what would be created, changed, removed or left as it is, judged in order and without writing anything. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACME, type Answer, ConsoleInMemory, problemPaths } from './console-in-memory.fixture.ts';

const META = { name: 'Meta', definition: 'meta', status: 'active', settings: { pixelId: '1' } };
const SECRET = 'EAAB-top-secret-value';
const TOKEN = 'first-token-of-the-shop';

let running: ConsoleInMemory;

beforeEach(async () => {
  running = await new ConsoleInMemory().start();
});

afterEach(() => running.stop());

const plan = (...changes: object[]): Promise<Answer> => running.post('configuration/plan', { changes });
const acme = (more: object = {}) => ({
  collection: 'advertisers',
  id: 'acme',
  document: { ...ACME, ...more },
});
const shop = (more: object = {}) => ({
  collection: 'sources',
  id: 'shop',
  document: { advertiserId: 'acme', name: 'Shop' },
  ...more,
});
const meta = (more: object = {}) => ({ collection: 'destinations', id: 'meta', document: META, ...more });

async function planned(...changes: object[]) {
  const { status, body, text } = await plan(...changes);
  if (status !== 200) throw new Error(text);
  return (body as { changes: { action: string; expectedVersion: number; differences: { path: string }[] }[] })
    .changes;
}

it('judges each change on top of those before it, and writes nothing', async () => {
  const changes = await planned(
    acme(),
    shop({ tokens: [TOKEN] }),
    meta({ secrets: { accessToken: SECRET } }),
  );

  expect(changes.map(({ action, expectedVersion }) => [action, expectedVersion])).toEqual([
    ['create', -1],
    ['create', -1],
    ['create', -1],
  ]);
  expect(running.log.written).toEqual([]);
  expect(await running.get('advertisers/acme')).toMatchObject({ status: 404 });
});

it('tells field by field what would change, and the version to expect', async () => {
  await running.putAcme();
  const [change] = await planned(acme({ name: 'Acme 2', eventClasses: { upgrade: 'purchase' } }));

  expect(change).toEqual({
    collection: 'advertisers',
    id: 'acme',
    action: 'change',
    expectedVersion: 0,
    differences: [
      { path: 'name', before: 'Acme', after: 'Acme 2' },
      { path: 'eventClasses.upgrade', after: 'purchase' },
    ],
  });
});

it('leaves alone what is the same once the defaults are filled in, secrets and tokens included', async () => {
  await running.putAcme();
  await running.putWell('sources/shop', { document: shop().document, tokens: [TOKEN] });
  await running.putWell('destinations/meta', { document: META, secrets: { accessToken: SECRET } });

  const all = [acme(), shop({ tokens: [TOKEN] }), meta({ secrets: { accessToken: SECRET } })];
  expect((await planned(...all)).map(({ action }) => action)).toEqual(Array(3).fill('unchanged'));
  expect((await planned(shop(), meta())).map(({ action }) => action)).toEqual(Array(2).fill('unchanged'));
});

it('names a secret, a token and a key that would change, and shows none of them', async () => {
  await running.putAcme();
  await running.putWell('sources/shop', { document: shop().document, tokens: [TOKEN] });
  await running.putWell('destinations/meta', { document: META, secrets: { accessToken: SECRET } });
  const key = await running.makeKey('robot', { role: 'admin' });
  const robot = { collection: 'api-keys', id: 'robot', document: { name: 'robot', role: 'admin' } };
  const other = 'another-secret-of-the-same-kind';

  const answer = await plan(shop({ tokens: [other] }), meta({ secrets: { accessToken: other } }), {
    ...robot,
    key: 'n3Xw-9aQ_5rTz+81kLpV.cB7',
  });
  expect((answer.body as { changes: object[] }).changes).toMatchObject([
    { action: 'change', differences: [{ path: 'tokenHashes' }] },
    { action: 'change', differences: [{ path: 'secrets.accessToken' }] },
    { action: 'change', differences: [{ path: 'key' }] },
  ]);
  expect(answer.text).not.toMatch(new RegExp(`${SECRET}|${other}|${TOKEN}|n3Xw|[0-9a-f]{64}`));
  expect(await planned({ ...robot, key })).toMatchObject([{ action: 'unchanged' }]);
});

describe('removals', () => {
  it('are judged in their place', async () => {
    await running.putAcme();
    await running.putWell('sources/shop', { document: shop().document });
    const gone = (collection: string, id: string) => ({ collection, id, remove: true });

    expect(await planned(gone('sources', 'shop'), gone('advertisers', 'acme'))).toMatchObject([
      { action: 'remove', expectedVersion: 1, differences: [] },
      { action: 'remove', expectedVersion: 0 },
    ]);
    const early = await plan(gone('advertisers', 'acme'), gone('sources', 'shop'));
    expect(early).toMatchObject({ status: 409, body: { code: 'still_referenced' } });
    expect(await plan(gone('sources', 'ghost'))).toMatchObject({ status: 404, body: { field: 'changes.0' } });
  });
});

describe('refusals', () => {
  it('tell which change and which field', async () => {
    const answer = await plan(acme(), shop({ document: { advertiserId: 'ghost', name: 7 } }));
    expect(answer.status).toBe(422);
    expect(problemPaths(answer)).toEqual(['changes.1.document.name']);
    expect(problemPaths(await plan(shop()))).toEqual(['changes.0.document.advertiserId']);
  });

  it('a source that would leave its lane', async () => {
    await running.putAcme();
    await running.putWell('sources/shop', { document: shop().document });
    const moved = shop({ document: { advertiserId: 'acme', name: 'Shop', lane: 'other' } });
    expect(await plan(moved)).toMatchObject({
      status: 422,
      body: { code: 'lane_immutable', field: 'changes.0.document.lane' },
    });
  });

  it.each<[string, unknown, string]>([
    ['no list', {}, 'changes'],
    ['a list', [], 'body'],
    ['another field', { changes: [], dryRun: true }, 'body'],
    ['a change that is a text', { changes: ['x'] }, 'changes.0'],
    [
      'an unknown collection',
      { changes: [{ collection: 'x', id: 'a', document: {} }] },
      'changes.0.collection',
    ],
    ['no id', { changes: [{ collection: 'partners', document: {} }] }, 'changes.0.id'],
    ['an unknown field', { changes: [{ ...acme(), when: 1 }] }, 'changes.0'],
    ['no document', { changes: [{ collection: 'partners', id: 'a' }] }, 'changes.0.document'],
    ['the same twice', { changes: [acme(), acme()] }, 'changes.1.id'],
    ['a removal with a document', { changes: [{ ...acme(), remove: true }] }, 'changes.0.remove'],
    ['half a removal', { changes: [{ collection: 'partners', id: 'a', remove: false }] }, 'changes.0.remove'],
    ['a secret of an advertiser', { changes: [{ ...acme(), secrets: {} }] }, 'changes.0.secrets'],
  ])('%s: 400 with the field', async (_name, body, field) => {
    expect(await running.post('configuration/plan', body)).toMatchObject({ status: 400, body: { field } });
  });
});

it('tells what is doubtful in a template, and plans it all the same', async () => {
  const urlTemplate = 'http://partner.example/?c={click_id}&a={sub1|default:}';
  const document = {
    name: 'Partner',
    definition: 'partner-postback',
    status: 'active',
    settings: { urlTemplate },
    overrides: [{ eventType: 'lead', settings: { urlTemplate: `${urlTemplate}&a=1` } }],
  };
  const [change, other] = await planned(
    { collection: 'destinations', id: 'partner', document },
    { collection: 'partners', id: 'p', document: { name: 'P' } },
  );
  const own = 'document.settings.urlTemplate';
  const override = 'document.overrides.0.settings.urlTemplate';
  expect(change).toMatchObject({
    action: 'create',
    warnings: [
      { path: own, code: 'not_https', position: 0, length: 4 },
      { path: own, code: 'default_empty', position: 45, length: 8 },
      { path: override, code: 'not_https', position: 0 },
      { path: override, code: 'default_empty', position: 45 },
      { path: override, code: 'duplicate_parameter', position: 55 },
    ],
  });
  expect(other).not.toHaveProperty('warnings');
});

it('refuses a template with errors by the place in the list, the field and the position', async () => {
  const settings = { urlTemplate: 'https://partner.example/?c={clickid}' };
  const document = { name: 'Partner', definition: 'partner-postback', status: 'active', settings };
  const answer = await plan(acme(), { collection: 'destinations', id: 'partner', document });
  expect(answer).toMatchObject({
    status: 422,
    body: {
      code: 'document_invalid',
      problems: [
        { path: 'changes.1.document.settings.urlTemplate', code: 'unknown_macro', position: 27, length: 9 },
      ],
    },
  });
});
