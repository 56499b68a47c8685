/** Learning schemas over real HTTP: an outage is never taken for a missing schema, and a poison id is not asked about again. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeEvent, encodeEvent, LOCKED_SCHEMAS, writtenSchemaIds } from '@tributary/contracts';
import { aRefusal } from '@tributary/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SchemaRegistryClient } from './registry-client.ts';

const POISON_ID = 4_000_001;
const NEWER_ID = 4_000_002;
const FOREIGN_ID = 4_000_003;

const [[ourName, ourId] = ['', 0]] = writtenSchemaIds();
const ours = JSON.stringify(LOCKED_SCHEMAS[ourName]?.at(-1)?.schema);
const refusal = LOCKED_SCHEMAS['postback.refused.v1']?.at(-1)?.schema as { fields: readonly object[] };
/** What a producer that is deployed before us writes: one optional field more. */
const newer = JSON.stringify({
  ...refusal,
  fields: [...refusal.fields, { name: 'attempts', type: 'int', default: 0 }],
});

let server: Server;
let url: string;
let requests: string[];
/** What the registry has; null answers every question with `status`. */
let schemas: Map<number, string> | null;
let status: number;
/** What it answers for an id it has nothing under. */
let missing: number;

beforeEach(async () => {
  requests = [];
  status = 503;
  missing = 404;
  schemas = new Map([
    [ourId, ours],
    [NEWER_ID, newer],
    [FOREIGN_ID, '{"type":"record","name":"Other","fields":[]}'],
  ]);
  server = createServer((request, response) => {
    requests.push(request.url ?? '');
    const schema = schemas?.get(Number(request.url?.split('/').at(-1)));
    if (schemas === null) response.writeHead(status).end('<html>no</html>');
    else if (schema === undefined) response.writeHead(missing).end('{"error_code":40403}');
    else response.end(JSON.stringify({ schema }));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/apis/ccompat/v7/`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const outage = { code: 'schema_registry_unavailable' };

describe('the schema of an id', () => {
  it('is what the registry has under it', async () => {
    expect(await new SchemaRegistryClient({ url }).schemaOf(NEWER_ID)).toBe(newer);
    expect(requests).toEqual([`/apis/ccompat/v7/schemas/ids/${NEWER_ID}`]);
  });

  it('is missing only when the registry knows ours', async () => {
    expect(await new SchemaRegistryClient({ url }).schemaOf(POISON_ID)).toBeNull();
  });

  it.each([400, 405, 410, 422])(
    'is missing also when the registry refuses such an id with %i',
    async (answer) => {
      missing = answer;
      expect(await new SchemaRegistryClient({ url }).schemaOf(-1)).toBeNull();
    },
  );

  it.each([401, 403, 408, 429])('is in doubt when only its own question is answered %i', async (answer) => {
    missing = answer;
    await expect(new SchemaRegistryClient({ url }).schemaOf(-1)).rejects.toMatchObject(outage);
  });

  it.each([400, 404, 408, 422, 500, 503, 401, 429])(
    'is in doubt when every question is answered %i',
    async (answer) => {
      schemas = null;
      status = answer;
      await expect(new SchemaRegistryClient({ url }).schemaOf(POISON_ID)).rejects.toMatchObject(outage);
    },
  );

  it('is in doubt when the answer is a page of something else', async () => {
    schemas = null;
    status = 200;
    await expect(new SchemaRegistryClient({ url }).schemaOf(POISON_ID)).rejects.toMatchObject(outage);
  });

  it('is in doubt when our id means something else there', async () => {
    schemas = new Map([[ourId, '{"type":"record","name":"Other","fields":[]}']]);
    await expect(new SchemaRegistryClient({ url }).schemaOf(POISON_ID)).rejects.toMatchObject(outage);
  });

  it('is in doubt when nobody listens', async () => {
    server.close();
    await expect(new SchemaRegistryClient({ url }).schemaOf(POISON_ID)).rejects.toMatchObject(outage);
  });

  it('is in doubt when the registry accepts and says nothing', { timeout: 20_000 }, async () => {
    server.removeAllListeners('request');
    await expect(new SchemaRegistryClient({ url }).schemaOf(POISON_ID)).rejects.toMatchObject(outage);
  });

  it('is asked for with credentials in a header and in no error', async () => {
    let authorization: string | undefined;
    server.removeAllListeners('request').on('request', (request, response) => {
      authorization = request.headers.authorization;
      response.writeHead(500).end();
    });
    const client = new SchemaRegistryClient({ url: url.replace('//', '//reader:canary-password@') });
    const error = await client.schemaOf(POISON_ID).catch((each: unknown) => each);
    expect(authorization).toBe(`Basic ${Buffer.from('reader:canary-password').toString('base64')}`);
    expect(error).toMatchObject(outage);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('canary');
  });
});

describe('learning', () => {
  it('teaches the codec a version that a newer producer writes', async () => {
    const wire = encodeEvent('postback.refused.v1', aRefusal());
    // One field more at the end: the zero of an int.
    const written = Buffer.concat([wire, Buffer.from([0])]);
    written.writeInt32BE(NEWER_ID, 1);
    expect(decodeEvent('postback.refused.v1', written)).toEqual({ ok: false, problem: 'unknown_schema_id' });

    expect(await new SchemaRegistryClient({ url }).learn(NEWER_ID)).toBe('learnt');
    expect(decodeEvent('postback.refused.v1', written)).toEqual({ ok: true, value: aRefusal() });
  });

  it.each([
    ['no schema', POISON_ID],
    ['a schema of somebody else', FOREIGN_ID],
  ])('asks about %s once a minute', async (_name, id) => {
    let now = 0;
    const client = new SchemaRegistryClient({ url, now: () => now });
    for (let record = 0; record < 50; record++) expect(await client.learn(id)).toBe('unknown');
    const asked = () => requests.filter((path) => path.endsWith(`/${id}`)).length;
    expect(asked()).toBe(1);
    now = 60_000;
    expect(await client.learn(id)).toBe('unknown');
    expect(asked()).toBe(2);
  });

  it('asks once for all partitions that meet the id together', async () => {
    const client = new SchemaRegistryClient({ url });
    await Promise.all(Array.from({ length: 12 }, () => client.learn(POISON_ID)));
    expect(requests.filter((path) => path.endsWith(`/${POISON_ID}`))).toHaveLength(1);
  });

  it('remembers nothing of an outage', async () => {
    const client = new SchemaRegistryClient({ url });
    const known = schemas;
    schemas = null;
    await expect(client.learn(NEWER_ID)).rejects.toMatchObject(outage);
    schemas = known;
    expect(await client.learn(NEWER_ID)).toBe('learnt');
  });
});
