/** Taking over the ids of a registry at start: waited for, whatever is in the way, and then written. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { encodeEvent, SUBJECT_VERSIONS, writtenSchemaIds } from '@tributary/contracts';
import { createLogger } from '@tributary/runtime';
import { aRefusal, eventually } from '@tributary/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { settleSchemaIds } from './adopt-ids.ts';

const logger = createLogger('adopt-ids-test', 'silent');
const lockedIds = writtenSchemaIds();

let server: Server;
let url: string;
let lookups = 0;
/** What the registry does with a lookup: fails, has nothing, or knows everything. */
let mood: 'failing' | 'empty' | 'complete' = 'failing';

beforeAll(async () => {
  server = createServer((request, response) => {
    lookups += 1;
    const subject = decodeURIComponent(request.url?.split('/').at(-1) ?? '');
    const known = SUBJECT_VERSIONS.findLast((version) => version.subject === subject);
    if (mood === 'failing') response.writeHead(503).end();
    else if (mood === 'empty' || known === undefined) response.writeHead(404).end('{"error_code":40401}');
    else response.end(JSON.stringify({ ...known, id: known.id + 100 }));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

it('asks nobody when the ids are those of the lock file', async () => {
  await settleSchemaIds({ SCHEMA_IDS: 'locked', SCHEMA_REGISTRY_URL: url }, logger);
  expect(lookups).toBe(0);
  expect(writtenSchemaIds()).toEqual(lockedIds);
});

it('waits while the registry is away or lacks a schema, and then writes its ids', async () => {
  let isSettled = false;
  const settling = settleSchemaIds({ SCHEMA_IDS: 'registry', SCHEMA_REGISTRY_URL: url }, logger).then(() => {
    isSettled = true;
  });
  const asked = async (more: number) => {
    const before = lookups;
    await eventually(
      () => lookups,
      (count) => count >= before + more,
    );
  };
  await asked(1);
  mood = 'empty';
  await asked(2);
  expect(isSettled).toBe(false);
  expect(writtenSchemaIds()).toEqual(lockedIds);

  mood = 'complete';
  await settling;
  const shifted = [...lockedIds].map(([schema, id]) => [schema, id + 100] as const);
  expect(writtenSchemaIds()).toEqual(new Map(shifted));
  const wire = encodeEvent('postback.refused.v1', aRefusal());
  expect(wire.readInt32BE(1)).toBe((lockedIds.get('postback.refused.v1') ?? 0) + 100);
});
