/** What an operator sees and does: readiness, metrics, the log, traces, and a stop of each service under load. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { KafkaConnection } from '@tributary/bus';
import { createLogger, type ReadinessReport } from '@tributary/runtime';
import { FactsStore } from '@tributary/store';
import { eventually, JARS_DIRECTORY } from '@tributary/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyDemoConfiguration, DEMO } from '../../apps/launcher/src/demo/demo-configuration.ts';
import { Driver } from '../../apps/launcher/src/demo/driver.ts';
import { Journal } from '../../apps/launcher/src/demo/journal.ts';
import { printLedger } from '../../apps/launcher/src/ledger/ledger.ts';
import { settledLedger } from '../../apps/launcher/src/ledger/settle.ts';
import type { Addresses, PortName } from '../../apps/launcher/src/system/addresses.ts';
import { type ServiceName, TributarySystem } from '../../apps/launcher/src/system/tributary-system.ts';
import { Traffic } from '../faults/traffic.ts';
import { freeAddresses } from '../free-addresses.ts';
import { namingFaults, readExposition } from './exposition.ts';
import { OtlpCollector } from './otlp-collector.ts';

const PORT_NAMES: Readonly<Record<ServiceName, PortName>> = {
  ingestion: 'ingestion',
  console: 'console',
  attribution: 'attribution',
  'fan-out': 'fanOut',
  'schema-registry': 'schemaRegistry',
  sandbox: 'sandbox',
};
const SERVICES = Object.keys(PORT_NAMES) as ServiceName[];
const SETTLE_BOUND_MS = 90_000;
const PARKED_FOR_MS = 120_000;
const DRAIN_BOUND_MS = 25_000;
const CANARY = 'canary4711';
const PERSONAL = {
  email: `${CANARY}@example.com`,
  phone: '+4915112347110',
  sub1: `${CANARY}-sub`,
  customer_id: `${CANARY}-customer`,
};

let home: string;
let addresses: Addresses;
let system: TributarySystem;
let collector: OtlpCollector;
const progress: string[] = [];

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'tributary-operations-'));
  process.env['KAFKA_JARS'] = JARS_DIRECTORY;
  collector = new OtlpCollector();
  addresses = await freeAddresses();
  system = new TributarySystem({
    home,
    addresses,
    onProgress: (message) => progress.push(message),
    settings: { OTEL_EXPORTER_OTLP_ENDPOINT: await collector.start(), DRAIN_DELAY_MS: '1000' },
  });
  await system.start();
  await applyDemoConfiguration(
    system.urlOf('console'),
    system.consoleApiKey,
    system.urlOf('sandbox'),
    PARKED_FOR_MS,
  );
});

afterAll(async () => {
  await system.stop();
  collector.stop();
  rmSync(home, { recursive: true, force: true });
});

type LogLine = Readonly<Record<string, unknown>> & { readonly msg?: string; readonly traceId?: string };

function logOf(service: ServiceName): string {
  return readFileSync(join(home, 'logs', `${service}.log`), 'utf8');
}

function linesOf(service: ServiceName, message: string): readonly LogLine[] {
  return logOf(service)
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LogLine)
    .filter(({ msg }) => msg === message);
}

function originOf(service: ServiceName): string {
  return `http://127.0.0.1:${addresses.ports[PORT_NAMES[service]]}`;
}

async function readinessOf(service: ServiceName): Promise<ReadinessReport & { http: number }> {
  const response = await fetch(`${originOf(service)}/health/ready`);
  return { http: response.status, ...((await response.json()) as ReadinessReport) };
}

async function scrape(service: ServiceName): Promise<string> {
  const response = await fetch(`${originOf(service)}/metrics`);
  expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
  expect(response.status).toBe(200);
  return response.text();
}

/** One that was ended may not listen again yet. */
async function isReady(service: ServiceName): Promise<void> {
  await eventually(
    () => readinessOf(service).catch(() => null),
    (report) => report?.status === 'ready',
  );
}

async function postback(parameters: Readonly<Record<string, string>>): Promise<Response> {
  const url = `${system.urlOf('ingestion')}/postback/${DEMO.sourceId}?${new URLSearchParams({ token: DEMO.token, ...parameters })}`;
  return fetch(url, { headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' } });
}

/** A postback that comes sooner is parked, and rematched in a trace of its own. */
async function untilStored(clickId: string): Promise<void> {
  const clickhouse = system.connectClickhouse();
  const clicks = new FactsStore(clickhouse);
  await eventually(
    () => clicks.clicksById([clickId]),
    (found) => found.length === 1,
  );
  await clickhouse.close();
}

/** One click and its sale, with canaries wherever a sender can put one. @returns the receipt id, once delivered. */
async function oneSale(): Promise<string> {
  const click = await fetch(
    `${system.urlOf('ingestion')}/c/${DEMO.campaignId}?partner_click_id=${CANARY}-p&fbclid=${CANARY}-f&sub1=${CANARY}-s`,
    { redirect: 'manual', headers: { 'user-agent': `${CANARY}-agent` } },
  );
  const clickId = click.headers.get('x-click-id') ?? '';
  await untilStored(clickId);
  const answer = await postback({
    ...PERSONAL,
    event_type: 'sale',
    revenue: '10.00',
    currency: 'EUR',
    transaction_id: `${CANARY}-${randomBytes(4).toString('hex')}`,
    click_id: clickId,
  });
  const { receiptId } = (await answer.json()) as { receiptId: string };
  await eventually(
    () => linesOf('fan-out', 'delivery.attempted').filter((line) => line['receiptId'] === receiptId),
    (lines) => lines.length === 2,
    60_000,
  );
  return receiptId;
}

describe('what an operator sees', () => {
  let receiptId: string;

  beforeAll(async () => {
    receiptId = await oneSale();
    await postback({ event_type: 'sale', revenue: `${CANARY}`, token: DEMO.token });
    await fetch(`${system.urlOf('ingestion')}/postback/${CANARY}?token=${CANARY}-token`);
  });

  it.each([
    ['ingestion', ['kafka', 'clickhouse', 'open', 'configuration', 'spool']],
    ['attribution', ['kafka', 'clickhouse', 'group', 'configuration', 'schema_registry', 'undecoded']],
    ['fan-out', ['kafka', 'clickhouse', 'group', 'configuration', 'schema_registry', 'undecoded']],
    ['console', ['kafka', 'configuration', 'undecoded']],
  ] as const)('readiness of %s', async (service, checks) => {
    const report = await readinessOf(service);
    expect(report, JSON.stringify(report)).toMatchObject({ http: 200, status: 'ready' });
    expect(report.checks.map(({ name }) => name)).toEqual(checks);
  });

  it.each<[ServiceName, readonly string[]]>([
    [
      'ingestion',
      [
        'tributary_ingestion_requests_total{route="redirect",status_class="3xx",service="ingestion"}',
        'tributary_postbacks_accepted_total{service="ingestion"}',
        'tributary_postbacks_refused_total{reason="amount_malformed",service="ingestion"}',
        'tributary_postbacks_refused_total{reason="source_unknown",service="ingestion"}',
        'tributary_clicks_recorded_total{kind="redirect",service="ingestion"}',
        'tributary_accept_seconds_count{service="ingestion",event="postback"}',
        'tributary_ingestion_request_seconds_count{service="ingestion",route="postback"}',
        'tributary_check_up{check="kafka",service="ingestion"}',
        'tributary_configuration_version{service="ingestion"}',
      ],
    ],
    [
      'attribution',
      [
        'tributary_verdicts_total{verdict="counted",reason="none",service="attribution"}',
        'tributary_decisions_total{match="attributed",trigger="postback",service="attribution"}',
        'tributary_postback_decision_seconds_count{service="attribution"}',
        'tributary_check_up{check="clickhouse",service="attribution"}',
        'tributary_check_up{check="schema_registry",service="attribution"}',
      ],
    ],
    [
      'fan-out',
      [
        'tributary_delivery_attempts_total{definition="meta",outcome="delivered",reason="http_2xx",service="fan-out"}',
        'tributary_delivery_attempt_seconds_count{service="fan-out",definition="partner-postback"}',
        'tributary_decision_delivery_seconds_count{service="fan-out",definition="meta"}',
      ],
    ],
    ['console', ['tributary_console_writes_total{entity_type="destination",service="console"}']],
    ['schema-registry', ['process_cpu_seconds_total{service="schema-registry"}']],
    ['sandbox', ['process_cpu_seconds_total{service="sandbox"}']],
  ])('metrics of %s, by convention and without anything personal', async (service, expected) => {
    const text = await scrape(service);
    const exposition = readExposition(text);
    expect(namingFaults(exposition)).toEqual([]);
    for (const series of expected)
      expect(exposition.series.get(series), `${series}\n${text}`).toBeGreaterThan(0);
    expect(text).not.toContain(CANARY);
    for (const value of exposition.labelValues) expect(value).not.toMatch(/:\/\/|@|\?/);
  });

  it('one wide line for the click, the receipt, the verdict, the decision and each attempt, in one trace from the receipt on', () => {
    expect(linesOf('ingestion', 'click.recorded').at(-1)).toMatchObject({
      campaignId: DEMO.campaignId,
      offerId: DEMO.offerId,
      partnerId: DEMO.partnerId,
      advertiserId: DEMO.advertiserId,
      durationMs: expect.any(Number),
      configurationVersion: expect.any(Number),
      traceId: expect.any(String),
    });
    const ofReceipt = (line: LogLine) => line['receiptId'] === receiptId;
    const [accepted] = linesOf('ingestion', 'postback.accepted').filter(ofReceipt);
    const judged = linesOf('attribution', 'postback.judged').filter(ofReceipt);
    const decided = linesOf('attribution', 'conversion.decided').filter(ofReceipt);
    const attempted = linesOf('fan-out', 'delivery.attempted').filter(ofReceipt);
    expect(accepted).toMatchObject({
      sourceId: DEMO.sourceId,
      eventType: 'sale',
      offset: expect.any(Number),
    });
    expect(judged).toMatchObject([
      { verdict: 'counted', partition: accepted?.['partition'], offset: accepted?.['offset'] },
    ]);
    expect(decided).toMatchObject([
      { conversionId: judged[0]?.['conversionId'], revision: 1, match: 'attributed', state: 'payable' },
    ]);
    expect(attempted.map((line) => line['destinationId']).toSorted()).toEqual(
      [DEMO.metaDestinationId, DEMO.partnerDestinationId].toSorted(),
    );
    for (const line of attempted)
      expect(line).toMatchObject({
        conversionId: judged[0]?.['conversionId'],
        outcome: 'delivered',
        status: 200,
        attempt: 1,
        sinceDecisionMs: expect.any(Number),
      });
    expect(accepted?.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect([...judged, ...decided, ...attempted].map(({ traceId }) => traceId)).toEqual(
      Array.from({ length: 4 }, () => accepted?.traceId),
    );
    // The sender's own trace is not ours to join.
    expect(accepted?.traceId).not.toBe('0af7651916cd43dd8448eb211c80319c');
  });

  it('the same trace at the collector: served, decided, attempted; and nothing of it at the receivers', async () => {
    const { traceId } = linesOf('ingestion', 'postback.accepted').find(
      (line) => line['receiptId'] === receiptId,
    ) ?? { traceId: '' };
    const spans = await eventually(
      () => collector.spans.filter((span) => span.traceId === traceId),
      (found) => found.length >= 4,
    );
    expect(spans.map(({ service, name }) => `${service} ${name}`).toSorted()).toEqual([
      'attribution postback.decide',
      'fan-out delivery.attempt',
      'fan-out delivery.attempt',
      'ingestion request.serve',
    ]);
    expect(spans.find(({ service }) => service === 'attribution')?.attributes).toMatchObject({ receiptId });
    expect(JSON.stringify(collector.spans)).not.toContain(CANARY);
    const received = await fetch(`${system.urlOf('sandbox')}/admin/received`).then((answer) => answer.text());
    expect(received).toContain(`${CANARY}-p`);
    expect(received).not.toContain('traceparent');
  });

  it('no personal value and no secret in any log', () => {
    for (const service of SERVICES.filter((name) => name !== 'sandbox')) {
      expect(logOf(service), service).not.toContain(CANARY);
      expect(logOf(service), service).not.toContain(DEMO.token);
      expect(logOf(service), service).not.toContain('demo-meta-access-token');
    }
  });
});

describe('what is away', () => {
  it('ClickHouse: attribution and fan-out are not ready, ingestion is, without receipts', async () => {
    const back = system.crash('clickhouse');
    await eventually(
      () => readinessOf('attribution'),
      ({ http, checks }) => http === 503 && checks.some(({ name, ready }) => name === 'clickhouse' && !ready),
    );
    expect(await readinessOf('ingestion')).toMatchObject({ http: 200, status: 'degraded' });
    await back;
    await Promise.all([isReady('attribution'), isReady('fan-out')]);
  });

  it('the schema registry: attribution is degraded and goes on', async () => {
    const { pid } = system.service('schema-registry');
    if (pid === undefined) throw new Error('the schema registry does not run');
    process.kill(pid, 'SIGSTOP');
    try {
      const report = await eventually(
        () => readinessOf('attribution'),
        ({ status }) => status !== 'ready',
      );
      expect(report).toMatchObject({ http: 200, status: 'degraded' });
      expect(report.checks.filter(({ degraded }) => degraded).map(({ name }) => name)).toEqual([
        'schema_registry',
      ]);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await isReady('attribution');
  });

  it('Kafka: ingestion is degraded and still redirects; the consumers are not ready', async () => {
    const back = system.crash('kafka');
    const redirect = await fetch(`${system.urlOf('ingestion')}/c/${DEMO.campaignId}`, { redirect: 'manual' });
    expect(redirect.status).toBe(302);
    await Promise.all([
      eventually(
        () => readinessOf('ingestion'),
        ({ http, status }) => http === 200 && status === 'degraded',
      ),
      eventually(
        () => readinessOf('attribution'),
        ({ http }) => http === 503,
      ),
      eventually(
        () => readinessOf('fan-out'),
        ({ http }) => http === 503,
      ),
    ]);
    await back;
    await Promise.all((['ingestion', 'attribution', 'fan-out'] as const).map(isReady));
  });
});

describe('SIGTERM under load, twice', () => {
  it.each(['ingestion', 'attribution', 'fan-out', 'console'] as const)('%s', async (name) => {
    const journal = new Journal(Date.now());
    const driver = new Driver({ ingestionUrl: system.urlOf('ingestion'), journal });
    const traffic = new Traffic(driver, journal, randomBytes(4).toString('hex'));
    const flowing = traffic.flow();
    await traffic.reached(40);
    const service = system.service(name);
    const { pid = 0 } = service;
    const told = progress.length;
    const startedAt = performance.now();
    process.kill(pid, 'SIGTERM');
    // Readiness goes off first, while the service still takes what comes.
    const report = await eventually(
      () => readinessOf(name),
      ({ http }) => http === 503,
    );
    expect(report.checks.filter(({ ready }) => !ready).map((check) => check.name)).toEqual(['draining']);
    if (name === 'ingestion') {
      // Of a source the ledger knows nothing of.
      const late = await fetch(`${system.urlOf('ingestion')}/postback/nobody?event_type=lead`);
      expect([late.status, late.headers.get('connection')]).toEqual([404, 'close']);
    }
    process.kill(pid, 'SIGTERM');
    const [ended] = await eventually(
      () => progress.slice(told).filter((message) => message.startsWith(`${name} ended`)),
      (messages) => messages.length > 0,
      DRAIN_BOUND_MS,
    );
    expect(ended).toContain('(code 0)');
    console.log(
      `${name}: drained in ${Math.round(performance.now() - startedAt)} ms, ${traffic.sent} conversions sent`,
    );
    if (name === 'attribution') await expectCommitted();
    await flowing;
    const clickhouse = system.connectClickhouse();
    const sources = { journal, clickhouse, sandboxUrl: system.urlOf('sandbox') };
    const ledger = await settledLedger(sources, SETTLE_BOUND_MS);
    await clickhouse.close();
    expect(ledger.difference, printLedger(ledger)).toBe(0);
    expectOnce('attribution', 'postback.judged', ['receiptId']);
    expectOnce('fan-out', 'delivery.attempted', ['deliveryId', 'attempt']);
    await isReady(name);
  });
});

/** Every postback that has a verdict is committed: nothing of it is read again by the successor. */
async function expectCommitted(): Promise<void> {
  const next = new Map<number, number>();
  for (const line of linesOf('attribution', 'postback.judged')) {
    const partition = Number(line['partition']);
    next.set(partition, Math.max(next.get(partition) ?? 0, Number(line['offset']) + 1));
  }
  const connection = new KafkaConnection({
    brokers: system.brokers.split(','),
    clientId: 'operations-test',
    logger: createLogger('operations-test', 'silent'),
  });
  const committed = await connection.committedOffsets('attribution', 'postback.received.v1');
  await connection.close();
  expect(next.size).toBeGreaterThan(0);
  for (const [partition, offset] of next) expect(committed.get(partition)).toBeGreaterThanOrEqual(offset);
}

/** No fact is told twice in the log of a service that was stopped and started again. */
function expectOnce(service: ServiceName, message: string, key: readonly string[]): void {
  const keys = linesOf(service, message).map((line) => key.map((name) => String(line[name])).join('/'));
  expect(keys.length).toBeGreaterThan(0);
  expect(keys.filter((each, index) => keys.indexOf(each) !== index)).toEqual([]);
}
