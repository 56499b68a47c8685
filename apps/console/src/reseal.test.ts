/** Rotation of SECRETS_KEYS: secrets move to the first key one entity at a time, and then an old key can be dropped. */

import { isReseal } from '@tributary/configuration';
import { Encryption } from '@tributary/runtime';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ConsoleInMemory } from './console-in-memory.fixture.ts';

const [OLD = '', NEW = ''] = [1, 2].map((byte) => Buffer.alloc(32, byte).toString('base64'));
const META = { name: 'Meta', definition: 'meta', status: 'active', settings: { pixelId: '1' } };
const SECRET = 'EAAB-top-secret-value';
const LATER = '2030-02-01T00:00:00.000Z';

let before: ConsoleInMemory;
let during: ConsoleInMemory;
let key: string;

beforeEach(async () => {
  before = await new ConsoleInMemory(OLD).start();
  await before.putWell('destinations/meta', { document: META, secrets: { accessToken: SECRET } });
  key = await before.makeKey('robot', { role: 'admin' });
  during = await new ConsoleInMemory(`${NEW},${OLD}`, before.log).start();
});

afterEach(() => Promise.all([before.stop(), during.stop()]));

async function inventory(console: ConsoleInMemory) {
  const { body } = await console.get('configuration/secrets');
  return body as {
    firstKeyTag: string;
    keyTags: string[];
    revisions: { collection: string; id: string; version: number; keyTags: object; inForceUntil?: string }[];
  };
}

it('tells which key encrypts what, and never a secret', async () => {
  const oldTag = new Encryption(OLD).primaryKeyTag;
  const newTag = new Encryption(NEW).primaryKeyTag;
  expect(await inventory(during)).toEqual({
    firstKeyTag: newTag,
    keyTags: [newTag, oldTag],
    revisions: [
      { collection: 'destinations', id: 'meta', version: 0, keyTags: { accessToken: oldTag } },
      { collection: 'api-keys', id: 'robot', version: 1, keyTags: { hash: oldTag } },
    ],
  });
});

it('after it, everything decrypts without the old key', async () => {
  for (const path of ['destinations/meta', 'api-keys/robot'])
    expect(await during.post(`${path}/reseal`, {})).toMatchObject({ status: 200 });

  const after = await new ConsoleInMemory(NEW, before.log).start();
  expect(
    new Set((await inventory(after)).revisions.flatMap(({ keyTags }) => Object.values(keyTags))),
  ).toEqual(new Set([new Encryption(NEW).primaryKeyTag]));
  expect(await after.get('partners', key)).toMatchObject({ status: 200 });
  await after.putWell('destinations/meta', { document: { ...META, name: 'Kept its secret' } });
  const change = after.log.written.at(-1);
  expect(
    new Encryption(NEW).decryptSecret(
      change?.secrets['accessToken'] ?? Buffer.alloc(0),
      'destination:meta:accessToken',
    ),
  ).toBe(SECRET);
  await after.stop();
});

it("is on record as nobody's change of the entity; writing it again as it is, is one", async () => {
  await during.post('destinations/meta/reseal', {});
  await during.putWell('destinations/meta', { document: META });
  const changes = during.log.written.filter(({ entityId }) => entityId === 'meta');
  expect(changes.map(isReseal)).toEqual([false, true, false]);
});

it('is done once: a second time writes nothing', async () => {
  await during.post('destinations/meta/reseal', { expectedVersion: 0 });
  const { length } = during.log.written;
  expect(await during.post('destinations/meta/reseal', {})).toMatchObject({ status: 200 });
  expect(during.log.written).toHaveLength(length);
});

it('loses to a rival change, and brings no scheduled change forward', async () => {
  expect(await during.post('destinations/meta/reseal', { expectedVersion: 7 })).toMatchObject({
    status: 409,
  });

  await before.putWell('destinations/meta', { document: { ...META, name: 'Later' }, effectiveFrom: LATER });
  expect((await inventory(during)).revisions.slice(0, 2)).toMatchObject([
    { id: 'meta', version: 0, inForceUntil: LATER },
    { id: 'meta', version: 2 },
  ]);
  expect(await during.post('destinations/meta/reseal', {})).toMatchObject({
    status: 200,
    body: { effectiveFrom: LATER, isScheduled: true, document: { name: 'Later' } },
  });
  expect(await during.get('destinations/meta')).toMatchObject({
    body: { inForce: { version: 0, document: { name: 'Meta' } } },
  });
});

it.each([
  ['destinations/ghost', {}, 404],
  ['ghosts/meta', {}, 404],
  ['destinations/meta', { expectedVersion: 'x' }, 400],
  ['destinations/meta', { version: 0 }, 400],
])('%s with %j: %d', async (path, body, status) => {
  expect(await during.post(`${path}/reseal`, body)).toMatchObject({ status });
});
