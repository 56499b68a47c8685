/** Secrets and personal data planted wherever they can enter, then looked for wherever they could be kept: nothing but the table below may show. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ClickhouseConnection } from '@tributary/store';
import { eventually, JARS_DIRECTORY } from '@tributary/testing';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { applyDemoConfiguration, DEMO } from '../../apps/launcher/src/demo/demo-configuration.ts';
import { readKeys } from '../../apps/launcher/src/system/home.ts';
import { TributarySystem } from '../../apps/launcher/src/system/tributary-system.ts';
import { freeAddresses } from '../free-addresses.ts';

const ADDRESSES = await freeAddresses();
const SETTLE_BOUND_MS = 90_000;
const DATABASE = 'tributary';
const SOURCE = 'canary';

/** The kinds of places that are looked through; `answer` is what a caller was told. */
type Place = 'log' | 'topic' | 'table' | 'metrics' | 'answer';
const STORES: readonly Place[] = ['topic', 'table'];

const run = randomBytes(4).toString('hex');
const secret = (name: string) => `canary-${name}-${run}-secret`;

/**
 * What is planted, and where it may be found afterwards.
 *
 * | canary                                | may stand in                                                                      |
 * |---------------------------------------|-----------------------------------------------------------------------------------|
 * | every secret                          | nothing                                                                           |
 * | e-mail, phone, address, card, IBAN    | nothing; e-mail and phone as SHA-256, the address as ciphertext, in topics and tables |
 * | name                                  | nothing, where its parameter is named for it: no name is known by its letters     |
 * | customer id, user agent               | topics and tables, in clear by decision 0013                                      |
 * | the bytes of a poison record          | the topic it was put into, the dead letter and the row of what was not decoded    |
 */
const CANARIES = {
  sourceToken: { value: secret('source-token'), mayStandIn: [] },
  wrongToken: { value: secret('wrong-token'), mayStandIn: [] },
  apiKey: { value: secret('api-key'), mayStandIn: [] },
  cookie: { value: secret('cookie'), mayStandIn: [] },
  partnerToken: { value: secret('partner/token&x'), mayStandIn: [] },
  partnerHeader: { value: secret('partner-header'), mayStandIn: [] },
  metaToken: { value: secret('meta-token'), mayStandIn: [] },
  misplaced: { value: secret('misplaced'), mayStandIn: [] },
  email: { value: `Canary.Person.${run}@example.org`, mayStandIn: [] },
  phone: { value: '+43 664 9876543', mayStandIn: [] },
  address: { value: '203.0.113.77', mayStandIn: [] },
  name: { value: `Canaryname${run}`, mayStandIn: [] },
  card: { value: '4012 8888 8888 1881', mayStandIn: [] },
  iban: { value: 'DE89 3704 0044 0532 0130 00', mayStandIn: [] },
  customerId: { value: `canary-customer-${run}`, mayStandIn: STORES },
  userAgent: { value: `CanaryAgent/${run}`, mayStandIn: STORES },
  poison: { value: `canary-poison-${run}`, mayStandIn: STORES },
} as const satisfies Record<string, { value: string; mayStandIn: readonly Place[] }>;

const of = Object.fromEntries(Object.entries(CANARIES).map(([name, { value }]) => [name, value])) as Record<
  keyof typeof CANARIES,
  string
>;

let home: string;
let system: TributarySystem;
let echo: Server;
const answers: string[] = [];

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'tributary-canary-'));
  process.env['KAFKA_JARS'] = JARS_DIRECTORY;
  echo = createServer(
    (request, response) =>
      void echoed(request).then(([status, body]) =>
        response.writeHead(status, { 'x-echo': encodeURI(body).slice(0, 4_000) }).end(body),
      ),
  );
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  system = new TributarySystem({ home, addresses: ADDRESSES, onProgress: console.log });
  await system.start();
  await applyDemoConfiguration(system.urlOf('console'), system.consoleApiKey, system.urlOf('sandbox'));
  await configureCanaries();
});

afterAll(async () => {
  await system?.stop();
  await new Promise((resolve) => echo?.close(resolve));
  rmSync(home, { recursive: true, force: true });
});

/** A destination that says back everything it was sent, and takes the partner's call only the second time. */
const called = new Map<string, number>();
async function echoed(request: IncomingMessage): Promise<[number, string]> {
  const body = JSON.stringify({ url: request.url, headers: request.headers, body: await text(request) });
  const path = request.url?.split('?')[0] ?? '';
  const calls = (called.get(path) ?? 0) + 1;
  called.set(path, calls);
  return [path.startsWith('/partner') && calls > 1 ? 200 : path.startsWith('/partner') ? 500 : 400, body];
}

function echoUrl(): string {
  return `http://127.0.0.1:${(echo.address() as AddressInfo).port}`;
}

/** Calls an address, keeps what was answered for the search, and gives the status. */
async function call(url: string, init: RequestInit = {}): Promise<number> {
  const response = await fetch(url, { redirect: 'manual', ...init });
  answers.push(
    `${JSON.stringify([...response.headers].filter(([name]) => name !== 'location'))}\n${await response.text()}`,
  );
  return response.status;
}

async function put(path: string, body: object | string, key: string = system.consoleApiKey): Promise<number> {
  return call(`${system.urlOf('console')}/api/v1/${path}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

async function configureCanaries(): Promise<void> {
  const source = { id: SOURCE, advertiserId: DEMO.advertiserId, name: 'Canary', allowedExtras: ['note'] };
  const profile = { defaultCurrency: DEMO.currency };
  expect(
    await put(`sources/${SOURCE}`, { document: { ...source, profile }, tokens: [of.sourceToken] }),
  ).toBeLessThan(300);
  const urlTemplate = `${echoUrl()}/partner?cid={partner_click_id}&sub={sub1}&tx={transaction_id}&token={secret:token}`;
  const partner = {
    id: 'canary-partner',
    name: 'Canary partner',
    definition: 'partner-postback',
    partnerId: DEMO.partnerId,
    status: 'active',
  };
  const settings = { urlTemplate, headers: { 'x-canary': 'k {secret:header}' } };
  const secrets = { 'secrets.token': of.partnerToken, 'secrets.header': of.partnerHeader };
  expect(
    await put('destinations/canary-partner', { document: { ...partner, settings }, secrets }),
  ).toBeLessThan(300);
  const meta = {
    id: 'canary-meta',
    name: 'Canary Meta',
    definition: 'meta',
    advertiserId: DEMO.advertiserId,
    status: 'active',
    // It answers what nobody can read: further tries would open its breaker, and what waits for that does not end.
    scheduleMs: [],
  };
  const metaSettings = { pixelId: '1234567890', baseUrl: echoUrl() };
  expect(
    await put('destinations/canary-meta', {
      document: { ...meta, settings: metaSettings },
      secrets: { accessToken: of.metaToken },
    }),
  ).toBeLessThan(300);
  for (const id of ['canary-partner', 'canary-meta'])
    expect(
      await put(`subscriptions/to-${id}`, { document: { id: `to-${id}`, destinationId: id } }),
    ).toBeLessThan(300);
  // Refused: a secret where settings belong, bodies that cannot be read, a key that is none.
  expect(
    await put('destinations/canary-meta', {
      document: { ...meta, settings: { ...metaSettings, accessToken: of.misplaced } },
    }),
  ).toBe(422);
  expect(await put('destinations/canary-meta', `{"secrets": {"accessToken": "${of.misplaced}`)).toBe(400);
  expect(await put('sources/x', { document: source, tokens: ['short', of.misplaced] })).toBeGreaterThan(399);
  expect(
    await put('sources/x', { document: source, tokens: of.misplaced, unknown: of.email }),
  ).toBeGreaterThan(399);
  expect(await put('sources/x', {}, of.apiKey)).toBe(401);
  expect(await call(`${system.urlOf('console')}/api/v1/sources/x?key=${of.apiKey}`)).toBe(401);
}

/** Every personal value under its own name, under wrong names, and where anything may stand. */
function person(): Record<string, string> {
  return {
    email: of.email,
    phone: of.phone,
    ip: of.address,
    first_name: of.name,
    card_number: of.card,
    iban: of.iban,
    customer_id: of.customerId,
    user_agent: of.userAgent,
    sub1: of.email,
    sub2: of.phone,
    sub3: of.card,
    sub4: of.iban,
    note: `please call ${of.phone}`,
    unknown: `${of.card} or ${of.iban}`,
    'unknown-mail': of.email.replace('@', '%40'),
    api_key: of.apiKey,
    product_id: of.email,
    coupon_code: of.iban,
  };
}

const HEADERS = () => ({
  'user-agent': of.userAgent,
  referer: `https://shop.example/thanks?email=${encodeURIComponent(of.email)}&iban=${encodeURIComponent(of.iban)}`,
  'x-forwarded-for': of.address,
  'x-real-ip': of.address,
  cookie: `session=${of.cookie}`,
});

async function click(parameters: Record<string, string>): Promise<string> {
  const url = `${system.urlOf('ingestion')}/c/${DEMO.campaignId}?${new URLSearchParams(parameters)}`;
  const response = await fetch(url, { redirect: 'manual', headers: HEADERS() });
  expect(response.status).toBe(302);
  return response.headers.get('x-click-id') ?? '';
}

async function sendClicks(): Promise<string> {
  const { product_id: _, coupon_code: __, ...parameters } = person();
  const clickId = await click({
    ...parameters,
    partner_click_id: 'canary-p1',
    fbclid: `IwAR-${run}`,
    utm_term: of.email,
  });
  const clicks = `${system.urlOf('ingestion')}/v1/clicks`;
  const json = { ...HEADERS(), 'content-type': 'application/json' };
  const direct = {
    campaign: DEMO.campaignId,
    ...parameters,
    landing_url: `https://shop.example/u/${of.email}?tel=${of.phone}`,
  };
  expect(await call(clicks, { method: 'POST', headers: json, body: JSON.stringify(direct) })).toBe(200);
  expect(await call(clicks, { method: 'POST', headers: json, body: `{"email": "${of.email}` })).toBe(400);
  expect(
    await call(clicks, {
      method: 'POST',
      headers: json,
      body: JSON.stringify({ ...direct, click_id: of.email }),
    }),
  ).toBe(400);
  expect(
    await call(`${system.urlOf('ingestion')}/c/${encodeURIComponent(of.email)}`, { headers: HEADERS() }),
  ).toBe(404);
  return clickId;
}

async function sendAccepted(clickId: string): Promise<void> {
  const url = `${system.urlOf('ingestion')}/postback/${SOURCE}`;
  const sale = (transactionId: string) => ({
    ...person(),
    event_type: 'sale',
    revenue: '49.90',
    click_id: clickId,
    transaction_id: transactionId,
  });
  const post = (type: string, body: string, headers: Record<string, string> = {}) =>
    call(url, { method: 'POST', headers: { ...HEADERS(), 'content-type': type, ...headers }, body });
  const withToken = (transactionId: string) => ({ ...sale(transactionId), token: of.sourceToken });
  expect(await call(`${url}?${new URLSearchParams(withToken(`${run}-query`))}`, { headers: HEADERS() })).toBe(
    200,
  );
  expect(
    await post('application/x-www-form-urlencoded', new URLSearchParams(withToken(`${run}-form`)).toString()),
  ).toBe(200);
  expect(await post('application/json', JSON.stringify(withToken(`${run}-json`)))).toBe(200);
  const bearer = { authorization: `Bearer ${of.sourceToken}`, 'idempotency-key': `${of.email}-${clickId}` };
  expect(await post('application/json', JSON.stringify(sale(of.email)), bearer)).toBe(200);
  expect(
    await post('application/json', JSON.stringify(sale(`${run}-x-token`)), { 'x-token': of.sourceToken }),
  ).toBe(200);
}

async function sendRefused(): Promise<void> {
  const ingestion = system.urlOf('ingestion');
  const url = `${ingestion}/postback/${SOURCE}`;
  const query = (parameters: Record<string, string>) => new URLSearchParams({ ...person(), ...parameters });
  const json = {
    ...HEADERS(),
    'content-type': 'application/json',
    authorization: `Bearer ${of.sourceToken}`,
  };
  const get = (target: string) => call(target, { headers: HEADERS() });
  expect(await get(`${url}?${query({ event_type: 'sale', token: of.wrongToken })}`)).toBe(403);
  expect(await get(`${url}?${query({ event_type: 'sale' })}`)).toBe(401);
  expect(await get(`${url}?${query({ event_type: 'sale', token: of.sourceToken, revenue: of.email })}`)).toBe(
    400,
  );
  expect(await get(`${url}?${query({ event_type: of.email, token: of.sourceToken })}`)).toBe(400);
  expect(await get(`${url}?${query({ event_type: 'sale', token: of.sourceToken, status: of.phone })}`)).toBe(
    400,
  );
  expect(
    await get(`${url}?${query({ event_type: 'sale', token: of.sourceToken, occurred_at: of.card })}`),
  ).toBe(400);
  expect(await get(`${url}?${query({ event_type: 'sale', token: of.sourceToken, currency: of.iban })}`)).toBe(
    400,
  );
  expect(await get(`${url}?${query({ token: of.sourceToken, sub5: of.email.repeat(60) })}`)).toBe(400);
  const twice = encodeURIComponent(of.email);
  expect(await get(`${url}?${twice}=1&${twice}=2&token=${of.sourceToken}`)).toBeGreaterThan(399);
  expect(
    await get(`${ingestion}/postback/${encodeURIComponent(of.email)}?${query({ token: of.sourceToken })}`),
  ).toBe(404);
  expect(await get(`${url}?token=${of.sourceToken}&a=${of.email.repeat(400)}`)).toBe(414);
  const post = (body: string, headers: Record<string, string> = json) =>
    call(url, { method: 'POST', headers, body });
  expect(await post(`{"email": "${of.email}", "token": "${of.sourceToken}`)).toBe(400);
  expect(await post(JSON.stringify({ email: of.email, pad: 'x'.repeat(3 * 1024 * 1024) }))).toBe(413);
  expect(await post(of.email, { ...HEADERS(), 'content-type': 'text/plain' })).toBeGreaterThan(399);
  expect(await call(url, { method: 'DELETE', headers: json })).toBeGreaterThan(399);
  const rows = [
    JSON.stringify({ ...person(), event_type: 'sale', revenue: of.card }),
    `{"email":"${of.email}`,
    of.card,
  ].join('\n');
  const batch = { method: 'POST', headers: { ...json, 'content-type': 'application/x-ndjson' }, body: rows };
  expect(await call(`${ingestion}/v1/postbacks?source=${SOURCE}`, batch)).toBeGreaterThan(206);
  expect(
    await call(`${ingestion}/v1/postbacks?source=${encodeURIComponent(of.email)}`, batch),
  ).toBeGreaterThan(206);
  expect(await get(`${ingestion}/%E0%A4%A?email=${of.email}&token=${of.sourceToken}`)).toBe(400);
  expect(await get(`${ingestion}/nothing/${encodeURIComponent(of.email)}?token=${of.sourceToken}`)).toBe(404);
}

function kafka(): Kafka {
  return new Kafka({ brokers: system.brokers.split(','), logLevel: logLevel.NOTHING });
}

/** Bytes that decode to nothing, and a record of our own form that is cut short. */
async function sendPoison(): Promise<void> {
  const producer = kafka().producer({ allowAutoTopicCreation: false });
  await producer.connect();
  for (const value of [
    Buffer.from(of.poison),
    Buffer.concat([Buffer.from([0, 0, 0, 0, 3]), Buffer.from(of.poison)]),
  ]) {
    await producer.send({
      topic: 'postback.received.v1',
      messages: [{ key: of.poison, value, headers: { h: of.poison } }],
    });
    await producer.send({ topic: 'conversion.decided.v1', messages: [{ key: of.poison, value }] });
  }
  await producer.disconnect();
}

/** Waits until every delivery of the canary's conversions has ended, whatever way. */
async function settled(clickhouse: ClickhouseConnection): Promise<void> {
  await eventually(
    async () => {
      const [row] = await clickhouse
        .rows<{ sales: string; ended: string; dead: string }>(
          `SELECT
           (SELECT uniqExact(conversionId) FROM conversions FINAL WHERE sourceId = '${SOURCE}') AS sales,
           (SELECT count() FROM deliveries FINAL WHERE outcome IN ('delivered', 'refused', 'dead') AND destinationId LIKE 'canary%') AS ended,
           (SELECT count() FROM dead_letters FINAL WHERE kind = 'record') AS dead`,
        )
        .catch(() => [undefined]);
      return row;
    },
    (row) => row !== undefined && Number(row.sales) >= 5 && Number(row.ended) >= 10 && Number(row.dead) >= 4,
    SETTLE_BOUND_MS,
  );
}

interface Leak {
  readonly canary: string;
  readonly place: Place;
  readonly where: string;
  readonly excerpt: string;
}

/** The shapes a value is looked for in: as it is, without blanks, encoded for a URL or a form, in base64; in any case. */
function shapesOf(value: string): readonly string[] {
  const bare = value.replace(/[ +]/g, '');
  const shapes = [value, bare, encodeURIComponent(value), encodeURIComponent(encodeURIComponent(value))];
  const encoded = [
    new URLSearchParams({ v: value }).toString().slice(2),
    Buffer.from(value).toString('base64'),
  ];
  return [...new Set([...shapes, ...encoded])].map((shape) => shape.toLowerCase());
}

const SHAPES = Object.entries(CANARIES).map(([canary, { value, mayStandIn }]) => {
  return { canary, shapes: shapesOf(value), mayStandIn: mayStandIn as readonly Place[] };
});

/** Everything found in one text, allowed or not. */
function found(place: Place, where: string, content: string): Leak[] {
  const haystack = content.toLowerCase();
  return SHAPES.flatMap(({ canary, shapes }) => {
    const at = shapes.map((shape) => haystack.indexOf(shape)).find((index) => index >= 0);
    return at === undefined
      ? []
      : [{ canary, place, where, excerpt: content.slice(Math.max(0, at - 120), at + 80) }];
  });
}

function inLogs(): Leak[] {
  const folder = join(home, 'logs');
  const files = readdirSync(folder);
  expect(files).toEqual(
    expect.arrayContaining(['ingestion.log', 'attribution.log', 'fan-out.log', 'console.log']),
  );
  return files.flatMap((file) => found('log', file, readFileSync(join(folder, file), 'utf8')));
}

/** Every record of every topic: key, value and headers as bytes. Kafka's own topics hold nothing of ours but names of groups. */
async function inTopics(): Promise<Leak[]> {
  const admin = kafka().admin();
  await admin.connect();
  const topics = (await admin.listTopics()).filter((topic) => !topic.startsWith('__'));
  const ends = await Promise.all(topics.map((topic) => admin.fetchTopicOffsets(topic)));
  const total = ends.flat().reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  await admin.disconnect();
  const consumer = kafka().consumer({ groupId: `canary-${run}` });
  await consumer.connect();
  await consumer.subscribe({ topics, fromBeginning: true });
  const leaks: Leak[] = [];
  let read = 0;
  await consumer.run({
    eachMessage: async ({ topic, message }) => {
      const bytes = [message.key, message.value, ...Object.entries(message.headers ?? {}).flat(2)];
      for (const piece of bytes) leaks.push(...found('topic', topic, piece?.toString('utf8') ?? ''));
      read += 1;
    },
  });
  await eventually(
    () => read,
    (count) => count >= total,
    60_000,
  );
  await consumer.disconnect();
  return leaks;
}

/** Every column of every table of the database, read as the services' user. */
async function inTables(clickhouse: ClickhouseConnection): Promise<Leak[]> {
  const tables = await clickhouse.rows<{ name: string }>(
    `SELECT name FROM system.tables WHERE database = '${DATABASE}' AND engine LIKE '%MergeTree'`,
  );
  expect(tables.length).toBeGreaterThan(10);
  const leaks: Leak[] = [];
  for (const { name } of tables) {
    for (const row of await clickhouse.rows<Record<string, unknown>>(`SELECT * FROM ${name}`)) {
      for (const [column, value] of Object.entries(row))
        leaks.push(
          ...found('table', `${name}.${column}`, typeof value === 'string' ? value : JSON.stringify(value)),
        );
    }
  }
  return leaks;
}

async function inMetrics(): Promise<Leak[]> {
  const { ingestion, console: consolePort, attribution, fanOut, schemaRegistry, sandbox } = ADDRESSES.ports;
  const services = [ingestion, consolePort, attribution, fanOut, schemaRegistry, sandbox];
  const pages = services.map(async (port) => {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).toContain('process_cpu_seconds_total{');
    return found('metrics', String(port), text);
  });
  return (await Promise.all(pages)).flat();
}

/** The bytes of conversion.decided.v1 as they stand in the topic, so what may stand there may stand here. */
const DECIDED_BYTES = 'decision_records.value';
const POISON_PLACES = [
  'postback.received.v1',
  'conversion.decided.v1',
  DECIDED_BYTES,
  'dead-letter.v1',
  'dead_letters.key',
  'dead_letters.value',
  'dead_letters.headers',
  'undecoded_records.key',
  'undecoded_records.value',
];
const USER_AGENT_PLACES =
  /userAgent$|UserAgent$|v1$|^delivery_attempts\.requestBody$|^dead_letters\.value$|response/;

function isAllowed({ canary, place, where }: Leak): boolean {
  const rule = SHAPES.find((each) => each.canary === canary);
  if (rule === undefined || !rule.mayStandIn.includes(place)) return false;
  if (canary === 'poison') return POISON_PLACES.includes(where);
  return canary !== 'userAgent' || where === DECIDED_BYTES || USER_AGENT_PLACES.test(where);
}

it('no canary stands where it must not', async () => {
  const clickId = await sendClicks();
  await sendAccepted(clickId);
  await sendRefused();
  await sendPoison();
  // A store that is away: what the services then log quotes neither their queries nor their parameters.
  await system.crash('clickhouse');
  await sendAccepted(await sendClicks());
  const clickhouse = system.connectClickhouse();
  await settled(clickhouse);

  const everywhere = [
    ...inLogs(),
    ...(await inTopics()),
    ...(await inTables(clickhouse)),
    ...(await inMetrics()),
    ...answers.flatMap((answer) => found('answer', answer.split('\n')[0] ?? '', answer)),
  ];
  const keys = readKeys(home);
  const logs = readdirSync(join(home, 'logs'))
    .map((file) => readFileSync(join(home, 'logs', file), 'utf8'))
    .join('\n');
  for (const key of [keys.secretsKeys, keys.consoleApiKey]) expect(logs.includes(key)).toBe(false);
  const leaks = everywhere.filter((each) => !isAllowed(each));
  const told = new Map(leaks.map((leak) => [`${leak.canary} in ${leak.place} ${leak.where}`, leak.excerpt]));
  expect(Object.fromEntries(told)).toEqual({});

  // The search sees what is there: what may be kept is found in both kinds of stores, and the hash where the address was.
  for (const canary of ['customerId', 'userAgent', 'poison'])
    for (const place of STORES)
      expect(everywhere.filter((each) => each.canary === canary && each.place === place)).not.toEqual([]);
  const hash = createHash('sha256').update(of.email.toLowerCase()).digest('hex');
  const rows = await clickhouse.rows(
    `SELECT 1 FROM decisions WHERE subjectHashes['emailPlain'] = '${hash}' LIMIT 1`,
  );
  expect(rows).toHaveLength(1);
  // And it would see a leak: one row that holds a canary, in a table of its own.
  await clickhouse.run(`CREATE TABLE control (id UUID, note String) ENGINE = MergeTree ORDER BY id`);
  await clickhouse.run(`INSERT INTO control VALUES ('${randomUUID()}', '${encodeURIComponent(of.email)}')`);
  expect((await inTables(clickhouse)).filter(({ where }) => where === 'control.note')).toHaveLength(1);
  await clickhouse.close();
});
