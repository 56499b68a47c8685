/** The OpenAPI document: valid, checked in, and true of every route it describes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import SwaggerParser from '@apidevtools/swagger-parser';
import { DependencyFailure } from '@tributary/runtime';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, ConsoleInMemory, NOW } from './console-in-memory.fixture.ts';
import { REFUND_EVIDENCE, SALE_EVIDENCE, SALE_ID } from './explain/evidence.fixture.ts';
import { openapi } from './openapi.ts';
import { COLLECTIONS } from './routes.ts';

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, { content: { 'application/json': { schema: object } } }>>;
  readonly requestBody?: { content: { 'application/json': { schema: object } } };
}
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

const document = openapi();
const paths = document['paths'] as Paths;
const OPERATIONS = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);

const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv);
ajv.addSchema({ ...document, $id: 'openapi' });

/** Faults of a value under a schema of the document. */
function faults(schema: object, value: unknown): unknown[] {
  const validate = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"openapi#/')));
  return validate(value) ? [] : [...(validate.errors ?? [])];
}

const WRITES: Readonly<Record<string, object>> = {
  advertisers: { document: { name: 'Acme', currency: 'EUR' } },
  partners: { document: { name: 'Network' } },
  'exchange-rates': { document: { from: 'USD', to: 'EUR', rate: '0.92' } },
  offers: {
    document: {
      advertiserId: 'x',
      name: 'Shoes',
      payouts: [{ eventType: 'sale', kind: 'fixed', amount: '1.50', currency: 'EUR' }],
    },
  },
  campaigns: {
    document: {
      offerId: 'x',
      partnerId: 'x',
      name: 'Summer',
      landingUrl: 'https://shop.example/?c={click_id}',
      status: 'active',
    },
  },
  sources: { document: { advertiserId: 'x', name: 'Shop' }, tokens: ['a-token-of-the-shop'] },
  destinations: {
    document: { name: 'Meta', definition: 'meta', status: 'active', settings: { pixelId: '1' } },
    secrets: { accessToken: 'EAAB-top-secret-value' },
  },
  subscriptions: { document: { destinationId: 'x', filter: { eventTypes: ['sale'] } } },
  'api-keys': { document: { name: 'Robot', role: 'analyst' } },
};

/** Of an exchange rate the pair is the id. */
const idIn = (collection: string) => (collection === 'exchange-rates' ? 'usd-eur' : 'x');

let running: ConsoleInMemory;

beforeAll(async () => {
  running = await new ConsoleInMemory().start();
});

afterAll(() => running.stop());

it('is valid OpenAPI 3.1', async () => {
  // The parser resolves references in place.
  const copy = JSON.parse(JSON.stringify(document));
  await expect(SwaggerParser.validate(copy)).resolves.toMatchObject({ openapi: '3.1.0' });
});

it('is the one that is checked in', () => {
  const file = join(import.meta.dirname, '../../../docs/openapi.json');
  expect(readFileSync(file, 'utf8')).toBe(`${JSON.stringify(document, null, 2)}\n`);
});

it('is served to whoever asks', async () => {
  const response = await fetch(`${running.base}/api/v1/openapi.json`);
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual(JSON.parse(JSON.stringify(document)));
});

describe('what is answered', () => {
  const driven = new Set<string>();

  /** Calls the operation and holds body and answer against what is documented. */
  async function drive(operationId: string, id = '', body?: object, query = ''): Promise<Answer> {
    const found = OPERATIONS.find(({ operation }) => operation.operationId === operationId);
    if (found === undefined) throw new Error(`${operationId} is not documented`);
    const { path, method, operation } = found;
    const answer = await running.call(method, path.replace('{id}', id) + query, body);
    const schema = operation.responses[String(answer.status)]?.content['application/json'].schema;
    expect(schema, `${operationId} answered ${answer.status}`).toBeDefined();
    expect(faults(schema ?? {}, answer.body), `${operationId}: ${answer.text}`).toEqual([]);
    const sent = operation.requestBody?.content['application/json'].schema;
    if (body !== undefined && answer.status === 200) expect(faults(sent ?? {}, body)).toEqual([]);
    if (body !== undefined && answer.status === 400) expect(faults(sent ?? {}, body)).not.toEqual([]);
    driven.add(operationId);
    return answer;
  }

  it('is what is documented, on every route, in success and in refusal', async () => {
    const changes = Object.entries(WRITES).map(([collection, body]) => ({
      collection,
      id: idIn(collection),
      ...body,
    }));
    expect(await drive('planChanges', '', { changes })).toMatchObject({ status: 200 });
    for (const [collection, body] of Object.entries(WRITES)) {
      const id = idIn(collection);
      expect(await drive(`putEntity:${collection}`, id, body)).toMatchObject({ status: 200 });
      expect(await drive(`putEntity:${collection}`, id, { document: {} })).toMatchObject({ status: 422 });
      expect(await drive(`putEntity:${collection}`, id, { documents: {} })).toMatchObject({ status: 400 });
      expect(await drive(`putEntity:${collection}`, id, { ...body, expectedVersion: 999 })).toMatchObject({
        status: 409,
      });
      expect(await drive(`readEntity:${collection}`, 'ghost')).toMatchObject({ status: 404 });
      expect(await drive(`readHistory:${collection}`, 'ghost')).toMatchObject({ status: 404 });
      expect(await drive(`resealEntity:${collection}`, id, {})).toMatchObject({ status: 200 });
      if (collection !== 'api-keys') {
        const later = { ...body, effectiveFrom: '2031-01-01T00:00:00Z' };
        expect(await drive(`putEntity:${collection}`, id, later)).toMatchObject({ status: 200 });
      }
      expect(await drive(`listEntities:${collection}`)).toMatchObject({ status: 200 });
      expect(await drive(`readEntity:${collection}`, id)).toMatchObject({ status: 200 });
      expect(await drive(`readHistory:${collection}`, id)).toMatchObject({ status: 200 });
    }
    for (const name of ['readOpenapi', 'readVersion', 'listScheduled', 'listSecrets'])
      expect(await drive(name)).toMatchObject({ status: 200 });
    expect(await drive('planChanges', '', { changes })).toMatchObject({ status: 200 });
    expect(await drive('planChanges', '', { changes: [{}] })).toMatchObject({ status: 400 });
    for (const evidence of [SALE_EVIDENCE, REFUND_EVIDENCE]) {
      const { conversionId } = evidence.revisions[0];
      running.evidence.conversions.set(conversionId, evidence);
      expect(await drive('explainConversion', conversionId)).toMatchObject({ status: 200 });
    }
    expect(await drive('explainConversion', 'ghost')).toMatchObject({ status: 404 });
    running.evidence.failure = new DependencyFailure('clickhouse_unavailable', 'away');
    expect(await drive('explainConversion', SALE_ID)).toMatchObject({ status: 503 });
    const { deadLetterId } = running.replays.die(1, NOW - 1);
    running.replays.attempts = SALE_EVIDENCE.attempts;
    running.replays.outcomes = [{ became: 'delivered', deliveries: 1 }];
    expect(await drive('listDeadLetters', '', undefined, '?limit=1')).toMatchObject({ status: 200 });
    expect(await drive('listDeadLetters', '', undefined, '?limit=x')).toMatchObject({ status: 400 });
    expect(await drive('readDeadLetter', deadLetterId)).toMatchObject({ status: 200 });
    expect(await drive('readDeadLetter', 'ghost')).toMatchObject({ status: 404 });
    const planned = await drive('planReplay', '', {});
    const { filter, digest } = planned.body as { filter: object; digest: string };
    expect(await drive('planReplay', '', { filters: {} })).toMatchObject({ status: 400 });
    expect(await drive('orderReplay', '', { digest: 'x' })).toMatchObject({ status: 400 });
    expect(await drive('orderReplay', '', { filter, digest: '0'.repeat(64) })).toMatchObject({ status: 409 });
    const run = await drive('orderReplay', '', { filter, digest, ratePerSecond: 1 });
    const { runId } = run.body as { runId: string };
    expect(await drive('listReplays')).toMatchObject({ status: 200 });
    expect(await drive('readReplay', runId)).toMatchObject({ status: 200 });
    expect(await drive('readReplay', 'ghost')).toMatchObject({ status: 404 });
    expect(await drive('stopReplay', runId)).toMatchObject({ status: 200 });
    expect(await drive('stopReplay', 'ghost')).toMatchObject({ status: 404 });
    for (const collection of [...COLLECTIONS.keys()].toReversed()) {
      const id = idIn(collection);
      expect(await drive(`removeEntity:${collection}`, id, undefined, '?expectedVersion=x')).toMatchObject({
        status: 400,
      });
      const { version } = (await running.get(`${collection}/${id}`)).body as { version: number };
      expect(
        await drive(`removeEntity:${collection}`, id, undefined, `?expectedVersion=${version}`),
      ).toMatchObject({ status: 200 });
    }
    expect([...driven].toSorted()).toEqual(
      OPERATIONS.map(({ operation }) => operation.operationId).toSorted(),
    );
  });
});
