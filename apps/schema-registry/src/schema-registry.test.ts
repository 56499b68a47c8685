/** The schema registry over real HTTP: what Confluent clients ask of it and how it refuses. */
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { SUBJECT_VERSIONS } from '@tributary/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBodiesAsText, SchemaRegistryModule } from './schema-registry.module.ts';

const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json';
const SUBJECT = 'configuration.changed.v1-value';

let app: NestFastifyApplication;
let address: string;

beforeAll(async () => {
  app = await NestFactory.create<NestFastifyApplication>(SchemaRegistryModule, new FastifyAdapter(), {
    logger: false,
  });
  readBodiesAsText(app);
  await app.listen(0, '127.0.0.1');
  address = await app.getUrl();
});

afterAll(() => app.close());

async function ask(path: string, request: RequestInit = {}) {
  const response = await fetch(`${address}${path}`, request);
  const text = await response.text();
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    body: text === '' ? null : (JSON.parse(text) as unknown),
  };
}

const post = (body: string, type = MEDIA_TYPE): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': type },
  body,
});

function versionsOf(subject: string) {
  return SUBJECT_VERSIONS.filter((each) => each.subject === subject).map(({ version }) => version);
}

function lockedVersion(subject: string) {
  const version = SUBJECT_VERSIONS.findLast((each) => each.subject === subject);
  if (version === undefined) throw new Error(`${subject} is not locked`);
  return version;
}

describe('reading', () => {
  const locked = lockedVersion(SUBJECT);

  it.each([
    ['/', {}],
    ['/subjects', [...new Set(SUBJECT_VERSIONS.map(({ subject }) => subject))].toSorted()],
    [`/subjects/${SUBJECT}/versions`, versionsOf(SUBJECT)],
    [`/subjects/${SUBJECT}/versions/${locked.version}`, locked],
    [`/subjects/${SUBJECT}/versions/latest`, locked],
    [`/subjects/${SUBJECT}/versions/-1`, locked],
    [`/subjects/${SUBJECT}/versions/${locked.version}/schema`, JSON.parse(locked.schema)],
    [`/schemas/ids/${locked.id}`, { schema: locked.schema }],
    [`/schemas/ids/${locked.id}/versions`, [{ subject: SUBJECT, version: locked.version }]],
    [`/schemas/ids/${locked.id}/schema`, JSON.parse(locked.schema)],
    [`/schemas/ids/${locked.id}?subject=${SUBJECT}&format=resolved`, { schema: locked.schema }],
    [`/schemas/ids/${locked.id}/subjects`, [SUBJECT]],
    [`/subjects?subjectPrefix=configuration.`, [SUBJECT]],
    [`/schemas?subjectPrefix=configuration.&latestOnly=true`, [locked]],
    [`/subjects/${SUBJECT}/versions/1/referencedby`, []],
    ['/contexts', ['.']],
    [`/config/${SUBJECT}`, { compatibilityLevel: 'FULL_TRANSITIVE' }],
    ['/config/nobody-value?defaultToGlobal=true', { compatibilityLevel: 'FULL_TRANSITIVE' }],
    [`/mode/${SUBJECT}`, { mode: 'READONLY' }],
    ['/mode/nobody-value?defaultToGlobal=true', { mode: 'READONLY' }],
    ['/schemas/types', ['AVRO']],
    ['/config', { compatibilityLevel: 'FULL_TRANSITIVE' }],
    ['/mode', { mode: 'READONLY' }],
  ])('GET %s', async (path, body) => {
    expect(await ask(path)).toEqual({ status: 200, type: MEDIA_TYPE, body });
  });

  it('names every subject that shares a schema', async () => {
    const { id, version } = lockedVersion('delivery.due.1s.v1-value');

    const { body } = await ask(`/schemas/ids/${id}/versions`);

    expect(body).toEqual(
      ['1s', '5s', '30s', '5m', '1h'].map((level) => ({
        subject: `delivery.due.${level}.v1-value`,
        version,
      })),
    );
  });

  it('serves decided and current conversions as one schema under two subjects', async () => {
    const { id } = lockedVersion('conversion.current.v1-value');

    expect((await ask(`/schemas/ids/${id}/subjects`)).body).toEqual([
      'conversion.decided.v1-value',
      'conversion.current.v1-value',
    ]);
  });

  it('ignores query parameters of newer clients', async () => {
    const { status } = await ask(`/schemas/ids/${locked.id}?fetchMaxId=false&subject=${SUBJECT}`);

    expect(status).toBe(200);
  });

  it('answers HEAD without a body', async () => {
    expect(await ask(`/subjects/${SUBJECT}/versions/latest`, { method: 'HEAD' })).toEqual({
      status: 200,
      type: MEDIA_TYPE,
      body: null,
    });
    expect((await ask('/subjects/unknown/versions', { method: 'HEAD' })).status).toBe(404);
  });

  it('is live and ready', async () => {
    expect((await ask('/health/live')).body).toEqual({ status: 'live' });
    expect((await ask('/health/ready')).body).toEqual({ status: 'ready', checks: [] });
  });
});

describe('looking a schema up', () => {
  const locked = lockedVersion(SUBJECT);

  it('finds it whatever the order of its attributes and the media type', async () => {
    const reordered = JSON.stringify(
      Object.fromEntries(Object.entries(JSON.parse(locked.schema) as object).toReversed()),
      null,
      2,
    );
    expect(reordered).not.toBe(locked.schema);

    for (const type of [MEDIA_TYPE, 'application/json', 'text/plain']) {
      const answer = await ask(
        `/subjects/${SUBJECT}?normalize=true&deleted=false`,
        post(JSON.stringify({ schema: reordered }), type),
      );
      expect(answer).toEqual({ status: 200, type: MEDIA_TYPE, body: locked });
    }
  });

  it.each([
    ['another schema', SUBJECT, JSON.stringify({ schema: '"string"' }), 404, 40403],
    ['an unknown subject', 'nobody-value', JSON.stringify({ schema: locked.schema }), 404, 40401],
    ['a schema that is not JSON', SUBJECT, JSON.stringify({ schema: '{' }), 422, 42201],
    ['a body without a schema', SUBJECT, '{}', 422, 42201],
    ['a body that is not JSON', SUBJECT, 'schema', 422, 42201],
    ['no body', SUBJECT, '', 422, 42201],
  ])('refuses %s', async (_name, subject, body, status, errorCode) => {
    expect(await ask(`/subjects/${subject}`, post(body))).toEqual({
      status,
      type: MEDIA_TYPE,
      body: { error_code: errorCode, message: expect.any(String) },
    });
  });
});

describe('asking whether a schema could follow', () => {
  const locked = lockedVersion(SUBJECT);
  const definition = JSON.parse(locked.schema) as { fields: readonly object[] };
  const withField = (field: object) =>
    JSON.stringify({ schema: JSON.stringify({ ...definition, fields: [...definition.fields, field] }) });
  const good = withField({ name: 'note', type: ['null', 'string'], default: null });
  const bad = withField({ name: 'note', type: 'string' });

  it.each([
    `/compatibility/subjects/${SUBJECT}/versions/latest`,
    `/compatibility/subjects/${SUBJECT}/versions/1?normalize=true`,
    `/compatibility/subjects/${SUBJECT}/versions`,
  ])('POST %s', async (path) => {
    expect(await ask(path, post(good))).toEqual({
      status: 200,
      type: MEDIA_TYPE,
      body: { is_compatible: true },
    });
    expect((await ask(path, post(bad))).body).toEqual({ is_compatible: false });
  });

  it('names the field to whoever asks for words', async () => {
    const { body } = await ask(`/compatibility/subjects/${SUBJECT}/versions/latest?verbose=true`, post(bad));

    expect(body).toEqual({
      is_compatible: false,
      messages: [expect.stringContaining('ConfigurationChanged.note')],
    });
  });

  it.each([
    ['an unknown subject', '/compatibility/subjects/nobody-value/versions/latest', good, 404, 40401],
    ['an unknown subject, all versions', '/compatibility/subjects/nobody-value/versions', good, 404, 40401],
    ['an unknown version', `/compatibility/subjects/${SUBJECT}/versions/99`, good, 404, 40402],
    ['no schema', `/compatibility/subjects/${SUBJECT}/versions/latest`, '{}', 422, 42201],
    ['no JSON', `/compatibility/subjects/${SUBJECT}/versions/latest`, '{"schema":"{"}', 422, 42201],
  ])('refuses %s', async (_name, path, body, status, errorCode) => {
    expect(await ask(path, post(body))).toMatchObject({ status, body: { error_code: errorCode } });
  });
});

describe('refusing', () => {
  it.each([
    ['/subjects/nobody-value/versions', 404, 40401],
    ['/subjects/nobody-value/versions/latest', 404, 40401],
    ['/subjects/nobody-value/versions/1/schema', 404, 40401],
    [`/subjects/${SUBJECT}/versions/999`, 404, 40402],
    [`/subjects/${SUBJECT}/versions/0`, 422, 42202],
    [`/subjects/${SUBJECT}/versions/2147483648`, 422, 42202],
    [`/subjects/${SUBJECT}/versions/newest`, 422, 42202],
    ['/schemas/ids/999999', 404, 40403],
    ['/schemas/ids/one', 404, 40403],
    ['/schemas/ids/999999/versions', 404, 40403],
    ['/schemas/ids/999999/schema', 404, 40403],
    ['/schemas/ids/999999/subjects', 404, 40403],
    ['/config/nobody-value', 404, 40408],
    ['/mode/nobody-value', 404, 40409],
    ['/nothing/here', 404, 404],
  ])('GET %s → %i %i', async (path, status, errorCode) => {
    expect(await ask(path)).toEqual({
      status,
      type: MEDIA_TYPE,
      body: { error_code: errorCode, message: expect.any(String) },
    });
  });

  it.each([
    ['POST', `/subjects/${SUBJECT}/versions`],
    ['PUT', '/config'],
    ['PUT', `/config/${SUBJECT}`],
    ['PUT', '/mode'],
    ['DELETE', `/subjects/${SUBJECT}`],
    ['DELETE', `/subjects/${SUBJECT}/versions/1`],
    ['POST', '/'],
  ])('%s %s: read only', async (method, path) => {
    const response = await fetch(`${address}${path}`, {
      method,
      headers: { 'content-type': MEDIA_TYPE },
      body: '{"schema":"\\"string\\""}',
    });

    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
    expect(await response.json()).toEqual({ error_code: 42205, message: expect.stringMatching(/read-only/) });
  });
});
